from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, wav_bytes, write_files, zip_folder

CATEGORIES = (
    "Accelerating_and_revving_and_vroom", "Accordion", "Acoustic_guitar", "Applause", "Bark", "Bass_drum", "Bass_guitar",
    "Bathtub_(filling_or_washing)", "Bicycle_bell", "Burping_and_eructation", "Bus", "Buzz", "Car_passing_by", "Cheering",
    "Chewing_and_mastication", "Child_speech_and_kid_speaking", "Chink_and_clink", "Chirp_and_tweet", "Church_bell",
    "Clapping", "Computer_keyboard", "Crackle", "Cricket", "Crowd", "Cupboard_open_or_close", "Cutlery_and_silverware",
    "Dishes_and_pots_and_pans", "Drawer_open_or_close", "Drip", "Electric_guitar", "Fart", "Female_singing",
    "Female_speech_and_woman_speaking", "Fill_(with_liquid)", "Finger_snapping", "Frying_(food)", "Gasp", "Glockenspiel",
    "Gong", "Gurgling", "Harmonica", "Hi-hat", "Hiss", "Keys_jangling", "Knock", "Male_singing",
    "Male_speech_and_man_speaking", "Marimba_and_xylophone", "Mechanical_fan", "Meow", "Microwave_oven", "Motorcycle",
    "Printer", "Purr", "Race_car_and_auto_racing", "Raindrop", "Run", "Scissors", "Screaming", "Shatter", "Sigh",
    "Sink_(filling_or_washing)", "Skateboard", "Slam", "Sneeze", "Squeak", "Stream", "Strum", "Tap", "Tick-tock",
    "Toilet_flush", "Traffic_noise_and_roadway_noise", "Trickle_and_dribble", "Walk_and_footsteps", "Water_tap_and_faucet",
    "Waves_and_surf", "Whispering", "Writing", "Yell", "Zipper_(clothing)",
)  # fmt: skip


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    clips = [f"{name}.wav" for name in hex_ids(rng, 3 * size + size // 3, 8)]
    curated, noisy, tests = clips[:size], clips[size : 2 * size], clips[2 * size : 3 * size]
    sound = partial(wav_bytes, rng, 44_100, 0.005)
    for name, files in (("train_curated", curated), ("train_noisy", noisy)):
        write_csv(pd.DataFrame({"fname": files, "labels": tags(rng, len(files))}), raw / f"{name}.csv")
        write_files(raw / name, files, sound)
    write_files(raw / "test", tests, sound)
    sample = pd.DataFrame({"fname": sorted(tests), **dict.fromkeys(CATEGORIES, 0)})
    write_csv(sample, raw / "sample_submission.csv")

    # the labels released later, in a separate download
    public_tests = clips[3 * size :]
    fnames = rng.permutation([*tests, *public_tests])
    released = pd.DataFrame({"fname": fnames, "labels": tags(rng, len(fnames))})
    released["usage"] = np.where(released["fname"].isin(public_tests), "Public", "Private")
    released["freesound_id"], released["license"] = range(len(fnames)), "CC0"
    write_csv(released, raw / "packing" / "test_post_competition.csv")
    zip_folder(raw / "packing", raw / "FSDKaggle2019.meta.zip", inside="FSDKaggle2019.meta/")


def tags(rng: np.random.Generator, count: int) -> list[str]:
    """One or a few categories each."""
    return [",".join(rng.choice(CATEGORIES, 1 + rng.poisson(0.3), replace=False)) for _ in range(count)]
