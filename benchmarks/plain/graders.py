"""The plain grader of every competition of the benchmark."""

from __future__ import annotations

from functools import partial

from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
)

from benchmarks.plain import boxes, masks, tables, tokens
from benchmarks.plain.table import Plain, many_columns, one_column, text_column

CATHETERS = [
    "ETT - Abnormal", "ETT - Borderline", "ETT - Normal",
    "NGT - Abnormal", "NGT - Borderline", "NGT - Incompletely Imaged", "NGT - Normal",
    "CVC - Abnormal", "CVC - Borderline",
]  # fmt: skip

macro_f1 = partial(f1_score, average="macro")

GRADERS: dict[str, Plain] = {
    "3d-object-detection-for-autonomous-vehicles": Plain(boxes.vehicles, text=("Id", "PredictionString")),
    "AI4Code": text_column("id", "cell_order", tokens.cell_order),
    "aerial-cactus-identification": one_column("id", "has_cactus", roc_auc_score),
    "alaska2-image-steganalysis": one_column("Id", "Label", tables.weighted_auc),
    "aptos2019-blindness-detection": one_column("id_code", "diagnosis", tables.quadratic_kappa),
    "billion-word-imputation": text_column("id", "sentence", tokens.mean_edit_distance),
    "bms-molecular-translation": text_column("image_id", "InChI", tokens.mean_edit_distance, blank="nan"),
    "cassava-leaf-disease-classification": one_column("image_id", "label", accuracy_score),
    "cdiscount-image-classification-challenge": one_column("_id", "category_id", accuracy_score),
    "chaii-hindi-and-tamil-question-answering": text_column("id", "PredictionString", tokens.mean_jaccard),
    "champs-scalar-coupling": Plain(tables.coupling),
    "denoising-dirty-documents": one_column("id", "value", root_mean_squared_error),
    "detecting-insults-in-social-commentary": Plain(tables.insults),
    "dog-breed-identification": many_columns("id", log_loss),
    "dogs-vs-cats-redux-kernels-edition": one_column("id", "label", log_loss),
    "facebook-recruiting-iii-keyword-extraction": text_column("Id", "Tags", tokens.micro_f1),
    "freesound-audio-tagging-2019": many_columns("fname", tables.label_ranking),
    "google-quest-challenge": many_columns("qa_id", tables.mean_rank_correlation),
    "google-research-identify-contrails-reduce-global-warming": Plain(masks.pooled_contrails, text=("encoded_pixels",)),
    "h-and-m-personalized-fashion-recommendations": Plain(tokens.purchases, text=("customer_id", "prediction")),
    "herbarium-2020-fgvc7": one_column("Id", "Predicted", macro_f1),
    "herbarium-2021-fgvc8": one_column("Id", "Predicted", macro_f1),
    "herbarium-2022-fgvc9": one_column("Id", "Predicted", macro_f1),
    "histopathologic-cancer-detection": one_column("id", "label", roc_auc_score),
    "hms-harmful-brain-activity-classification": Plain(tables.brain_activity),
    "hotel-id-2021-fgvc8": text_column("image", "hotel_id", tokens.mean_average_precision(5)),
    "hubmap-kidney-segmentation": Plain(masks.kidneys, text=("encoding", "predicted")),
    "icecube-neutrinos-in-deep-ice": Plain(tables.angles),
    "imet-2020-fgvc7": text_column("id", "attribute_ids", tokens.micro_f1),
    "inaturalist-2019-fgvc6": text_column("id", "predicted", tokens.first_label_error),
    "invasive-species-monitoring": one_column("name", "invasive", roc_auc_score),
    "iwildcam-2019-fgvc6": one_column("Id", "Category", macro_f1),
    "iwildcam-2020-fgvc7": one_column("Id", "Category", accuracy_score),
    "jigsaw-toxic-comment-classification-challenge": many_columns("id", tables.toxic_auc),
    "jigsaw-unintended-bias-in-toxicity-classification": Plain(tables.unintended_bias),
    "kuzushiji-recognition": Plain(boxes.characters, text=("labels",)),
    "leaf-classification": many_columns("id", log_loss),
    "learning-agency-lab-automated-essay-scoring-2": one_column("essay_id", "score", tables.quadratic_kappa),
    "lmsys-chatbot-arena": many_columns("id", log_loss, ["winner_model_a", "winner_model_b", "winner_tie"]),
    "ml2021spring-hw2": one_column("Id", "ClassId", accuracy_score),
    "mlsp-2013-birds": one_column("Id", "Probability", roc_auc_score),
    "movie-review-sentiment-analysis-kernels-only": one_column("PhraseId", "Sentiment", accuracy_score),
    "multi-modal-gesture-recognition": text_column("Id", "Sequence", tokens.gesture_errors),
    "new-york-city-taxi-fare-prediction": one_column("key", "fare_amount", root_mean_squared_error),
    "nfl-player-contact-detection": one_column("contact_id", "contact", matthews_corrcoef),
    "nomad2018-predict-transparent-conductors": many_columns(
        "id", tables.mean_rmsle, ["formation_energy_ev_natom", "bandgap_energy_ev"]
    ),
    "osic-pulmonary-fibrosis-progression": Plain(tables.lung_function),
    "paddy-disease-classification": text_column("image_id", "label", accuracy_score),
    "petfinder-pawpularity-score": one_column("Id", "Pawpularity", root_mean_squared_error),
    "plant-pathology-2020-fgvc7": many_columns("image_id", roc_auc_score),
    "plant-pathology-2021-fgvc8": text_column("image", "labels", tokens.micro_f1),
    "plant-seedlings-classification": text_column("file", "species", partial(f1_score, average="micro")),
    "playground-series-s3e18": many_columns("id", roc_auc_score, ["EC1", "EC2"]),
    "predict-volcanic-eruptions-ingv-oe": one_column(
        "segment_id", "time_to_eruption", lambda truth, guess: round(mean_absolute_error(truth, guess))
    ),
    "random-acts-of-pizza": one_column("request_id", "requester_received_pizza", roc_auc_score),
    "ranzcr-clip-catheter-line-classification": many_columns("StudyInstanceUID", roc_auc_score, CATHETERS),
    "rsna-2022-cervical-spine-fracture-detection": Plain(tables.fractures),
    "rsna-breast-cancer-detection": one_column("prediction_id", "cancer", tables.probabilistic_f1),
    "rsna-miccai-brain-tumor-radiogenomic-classification": one_column("BraTS21ID", "MGMT_value", roc_auc_score),
    "seti-breakthrough-listen": one_column("id", "target", roc_auc_score),
    "siim-covid19-detection": Plain(boxes.covid_findings, text=("PredictionString",)),
    "siim-isic-melanoma-classification": one_column("image_name", "target", roc_auc_score),
    "smartphone-decimeter-2022": Plain(tables.positions),
    "spaceship-titanic": one_column("PassengerId", "Transported", accuracy_score),
    "spooky-author-identification": many_columns("id", log_loss, ["EAP", "HPL", "MWS"]),
    "stanford-covid-vaccine": Plain(tables.degradation),
    "statoil-iceberg-classifier-challenge": one_column("id", "is_iceberg", log_loss),
    "tabular-playground-series-dec-2021": one_column("Id", "Cover_Type", accuracy_score),
    "tabular-playground-series-may-2022": one_column("id", "target", roc_auc_score),
    "tensorflow-speech-recognition-challenge": text_column("fname", "label", accuracy_score),
    "tensorflow2-question-answering": Plain(tokens.answer_spans, text=("example_id", "right", "PredictionString")),
    "text-normalization-challenge-english-language": text_column("id", "after", accuracy_score),
    "text-normalization-challenge-russian-language": text_column("id", "after", accuracy_score),
    "tgs-salt-identification-challenge": Plain(masks.salt, text=("rle_mask",)),
    "the-icml-2013-whale-challenge-right-whale-redux": one_column("clip", "probability", roc_auc_score),
    "tweet-sentiment-extraction": text_column("textID", "selected_text", tokens.mean_jaccard),
    "us-patent-phrase-to-phrase-matching": one_column("id", "score", tables.correlation),
    "uw-madison-gi-tract-image-segmentation": Plain(masks.organs, text=("predicted",)),
    "ventilator-pressure-prediction": Plain(tables.pressure),
    "vesuvius-challenge-ink-detection": Plain(masks.ink, text=("Predicted",)),
    "vinbigdata-chest-xray-abnormalities-detection": Plain(boxes.radiograph_findings, text=("PredictionString",)),
    "whale-categorization-playground": text_column("Image", "Id", tokens.mean_average_precision(5)),
}
