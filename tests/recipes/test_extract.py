"""Features by several encoders at once are those by each of them alone."""

from pathlib import Path

from vatrace.config import EncoderConfig
from vatrace.features.store import open_features
from vatrace.features.visual import save_encoder
from vatrace.recipes.extract import extract, extract_by
from vatrace.recipes.inputs import find_films
from vatrace.synth.corpus import plan_clip, write_clip
from vatrace.training.pretrain import fresh_encoder

TINY_VIT = EncoderConfig(
    architecture="vit_tiny_patch16_224",
    arguments={"embed_dim": 16, "depth": 1, "num_heads": 2},
    image_pixels=32,
)


def test_several_encoders_at_once_give_the_files_that_each_gives_alone(
    tmp_path: Path,
) -> None:
    for clip in (0, 1):
        write_clip(plan_clip(3, 0, clip, 0.6), tmp_path / "videos" / f"c{clip}.mp4")
    for seed, name in enumerate(("one", "two")):
        save_encoder(tmp_path / name, fresh_encoder(TINY_VIT, seed))
    videos = [str(tmp_path / "videos")]
    for name in ("one", "two"):
        extract(videos, out=tmp_path / "alone" / name, encoder=str(tmp_path / name), workers=1)
    outs = {tmp_path / "both" / name: tmp_path / name for name in ("one", "two")}
    assert len(extract_by(find_films(videos), outs, workers=1).done) == 4
    for name in ("one", "two"):
        for file in ("c0.safetensors", "c1.safetensors", "manifest.jsonl"):
            assert (tmp_path / "both" / name / file).read_bytes() == (tmp_path / "alone" / name / file).read_bytes()
    identities = {open_features(out / "c0.safetensors").identities["visual"] for out in outs}
    assert len(identities) == 2

    (tmp_path / "both" / "two" / "c1.safetensors").unlink()  # only what is missing is made again
    before = (tmp_path / "both" / "one" / "c1.safetensors").stat().st_mtime_ns
    extract_by(find_films(videos), outs, workers=1)
    assert (tmp_path / "both" / "two" / "c1.safetensors").is_file()
    assert (tmp_path / "both" / "one" / "c1.safetensors").stat().st_mtime_ns == before
