from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, sentences, with_gaps, write_files

DAYS = 40


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    articles = make_articles(rng, max(20, size // 10))
    customers = hex_ids(rng, max(10, size // 3), 64)
    pictured = [number for number in articles["article_id"] if rng.random() < 0.7]
    write_csv(articles, raw / "articles.csv")
    write_csv(make_customers(rng, customers), raw / "customers.csv")
    write_csv(make_purchases(rng, size, customers, articles["article_id"].to_numpy()), raw / "transactions_train.csv")
    same = " ".join(articles["article_id"].head(12))
    write_csv(pd.DataFrame({"customer_id": customers, "prediction": same}), raw / "sample_submission.csv")
    write_files(raw / "images", (f"{number[:3]}/{number}.jpg" for number in pictured), lambda: image_bytes(rng))


def make_purchases(rng: np.random.Generator, size: int, customers: list[str], articles: np.ndarray) -> pd.DataFrame:
    """Includes the very last day, and some articles were bought twice."""
    day = np.sort(np.append(rng.integers(0, DAYS, size - 1), DAYS - 1))
    purchases = pd.DataFrame(
        {
            "t_dat": (pd.Timestamp("2020-09-22") - pd.to_timedelta(DAYS - 1 - day, unit="D")).strftime("%Y-%m-%d"),
            "customer_id": rng.choice(customers[: max(5, len(customers) * 3 // 4)], size),
            "article_id": rng.choice(articles, size),
            "price": rng.integers(1, 300, size) / 5900,
            "sales_channel_id": rng.integers(1, 3, size),
        }
    )
    purchases.iloc[1::20] = purchases.iloc[0:-1:20].to_numpy()
    return purchases.sort_values("t_dat", kind="stable")


def make_articles(rng: np.random.Generator, count: int) -> pd.DataFrame:
    product = rng.choice(np.arange(108_775, 959_461), count, replace=False)
    number = rng.integers(1, 99, (count, 20))
    return pd.DataFrame(
        {
            "article_id": [f"{p:07d}{colour:03d}" for p, colour in zip(product, number[:, 0], strict=True)],
            "product_code": [f"{p:07d}" for p in product],
            "prod_name": sentences(rng, count, 1, 3),
            "product_type_no": number[:, 1],
            "product_type_name": rng.choice(["Trousers", "Vest top", "T-shirt"], count),
            "product_group_name": rng.choice(["Garment Upper body", "Socks & Tights"], count),
            "graphical_appearance_no": 1_010_000 + number[:, 2],
            "graphical_appearance_name": rng.choice(["Solid", "Stripe", "All over pattern"], count),
            "colour_group_code": number[:, 3],
            "colour_group_name": rng.choice(["Black", "Light Pink"], count),
            "perceived_colour_value_id": number[:, 4],
            "perceived_colour_value_name": rng.choice(["Dark", "Dusty Light"], count),
            "perceived_colour_master_id": number[:, 5],
            "perceived_colour_master_name": rng.choice(["Black", "Pink"], count),
            "department_no": number[:, 6],
            "department_name": rng.choice(["Jersey Basic", "Clean Lingerie"], count),
            "index_code": rng.choice(list("ABCDFGHIJS"), count),
            "index_name": rng.choice(["Ladieswear", "Baby Sizes 50-98"], count),
            "index_group_no": number[:, 7],
            "index_group_name": rng.choice(["Ladieswear", "Baby/Children"], count),
            "section_no": number[:, 8],
            "section_name": rng.choice(["Womens Everyday Basics", "Baby Essentials & Complements"], count),
            "garment_group_no": 1_000 + number[:, 9],
            "garment_group_name": rng.choice(["Jersey Basic", "Under-, Nightwear"], count),
            "detail_desc": with_gaps(rng, sentences(rng, count)),
        }
    )


def make_customers(rng: np.random.Generator, customers: list[str]) -> pd.DataFrame:
    count = len(customers)
    return pd.DataFrame(
        {
            "customer_id": customers,
            "FN": with_gaps(rng, np.ones(count), 0.6),
            "Active": with_gaps(rng, np.ones(count), 0.6),
            "club_member_status": with_gaps(rng, rng.choice(["ACTIVE", "PRE-CREATE"], count)),
            # "NONE" and "None" both occur
            "fashion_news_frequency": rng.choice(["NONE", "None", "Regularly"], count),
            "age": with_gaps(rng, rng.integers(16, 90, count).astype(float)),
            "postal_code": hex_ids(rng, count, 64),
        }
    )
