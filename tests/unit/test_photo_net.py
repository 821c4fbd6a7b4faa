"""The embedded network says what it said when it was measured, step by step, and takes no other model file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.models.domain import Category
from app.services.network.checked_file import MODEL_FILE, DamagedModel, read_verified
from app.services.network.faces import face_input, find_faces
from app.services.network.features import (
    face_features,
    flatness_features,
    group_features,
    see_input,
    shape_features,
)
from app.services.network.layers import Activation, Convolution, Depthwise, Geometry, Padding, softmax
from app.services.network.photo_net import MAX_SIDE, PhotoNet, within
from tests.conftest import SAMPLES, TESTS
from tests.factories import save_image
from tests.support.drawn_pictures import draw

VECTORS: list[dict[str, Any]] = json.loads((TESTS / "vectors/photo_net.json").read_text())["vectors"]
PNG_TOLERANCE, JPEG_TOLERANCE = 0.005, 0.02
"""Of a probability. Decoders of JPEG differ a little."""


@pytest.fixture(scope="module")
def net() -> PhotoNet:
    return PhotoNet.load()


def picture_of(name: str) -> Image.Image:
    kind, _, drawing = name.partition(":")
    picture = draw(drawing) if kind == "drawn" else Image.open(SAMPLES.parent / name).convert("RGB")
    return within(picture, MAX_SIDE)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["image"])
def test_the_networks_answer_is_the_one_that_was_measured(net: PhotoNet, vector: dict[str, Any]) -> None:
    picture = picture_of(vector["image"])
    tolerance = JPEG_TOLERANCE if vector["image"].endswith(".jpg") else PNG_TOLERANCE

    verdict = net.see(picture)

    assert list(picture.size) == vector["size"]
    assert (verdict.category, verdict.faces) == (vector["category"], vector["faces"])
    assert verdict.probabilities == pytest.approx(vector["probabilities"], abs=tolerance)
    assert verdict.probability == verdict.probabilities[verdict.category]
    assert verdict.looks_like == (vector["looks_like"] if vector["looks_like_probability"] >= 0.5 else None)


def test_each_part_of_what_the_head_looks_at_is_as_it_was_in_training(net: PhotoNet) -> None:
    cat = picture_of("samples/cat.png")
    seen = net.backbone.run(see_input(cat))
    groups = group_features(softmax(seen["logits"]), net.groups)

    assert float(see_input(cat).sum()) == pytest.approx(-13755.3, abs=0.1)
    assert int(seen["logits"].argmax()) == 285
    assert float(seen["logits"].max()) == pytest.approx(10.552, abs=0.001)
    assert float(seen["feat"].sum()) == pytest.approx(180.141, abs=0.01)
    assert groups == pytest.approx([6.956, 2.901, 1.221, 0.871, 0.973, 1.430, 0.234, 3.183], abs=0.001)
    assert face_features(find_faces(net.detector, cat)) == pytest.approx(
        [1, 1, 0.792, 0.513, 0, 0, 0.513, 0, 0, 1, 0], abs=0.001
    )
    assert shape_features(*cat.size) == pytest.approx([0.408, 0.408, 0, 1, 0], abs=0.001)
    assert flatness_features(cat) == pytest.approx(
        [0.0133, 0.0953, 0.3456, 0.3003, 0.0039, 0.0048, 0, 0, 0.4298, 0.5791, 0.0085], abs=0.0001
    )
    assert len(net.look(cat)[0]) == 1315


def test_faces_are_found_where_they_were(net: PhotoNet) -> None:
    astronaut = picture_of("samples/astronaut.png")

    faces = find_faces(net.detector, astronaut)

    assert float(face_input(astronaut).sum(dtype=np.float64)) == pytest.approx(-19720.9, abs=0.1)
    assert [(face.score, face.x, face.y, face.width) for face in faces] == [
        pytest.approx((0.885, 0.439, 0.247, 0.208), abs=0.001),
        pytest.approx((0.308, 0.161, 0.919, 0.097), abs=0.001),
    ]


def test_the_same_picture_has_the_same_answer_to_the_last_bit(net: PhotoNet) -> None:
    picture = draw("rings")

    assert net.see(picture) == net.see(picture)


def test_what_a_prepared_photo_can_be_like_is_answered(net: PhotoNet) -> None:
    for size in ((1, 1), (1, 2048), (2048, 1), (4096, 30), (900, 900)):
        verdict = net.see_jpeg(save_image(Image.new("RGB", size, "teal"), "JPEG"))

        assert verdict.category in list(Category)
        assert sum(verdict.probabilities.values()) == pytest.approx(1)


def plain_convolution(x: Any, weights: Any, bias: Any, stride: int, pads: Padding) -> Any:
    """A convolution as a book has it: weights are kernel height x kernel width x inputs x outputs."""
    top, left, bottom, right = pads
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)))
    rows, columns = (
        (padded.shape[0] - weights.shape[0]) // stride + 1,
        (padded.shape[1] - weights.shape[1]) // stride + 1,
    )
    result = np.empty((rows, columns, weights.shape[3]), np.float32)
    for row in range(rows):
        for column in range(columns):
            window = padded[row * stride :, column * stride :][: weights.shape[0], : weights.shape[1]]
            result[row, column] = np.tensordot(window, weights, axes=3) + bias
    return np.clip(result, 0, 6)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("size", [(9, 12), (8, 7), (1, 2)])
def test_the_fast_convolutions_are_those_of_the_book(size: tuple[int, int], kernel: int, stride: int) -> None:
    chance = np.random.default_rng(1)
    x, bias = chance.normal(size=(*size, 4)).astype(np.float32), chance.normal(size=4).astype(np.float32)
    full = chance.normal(size=(kernel, kernel, 4, 4)).astype(np.float32)
    each = chance.normal(size=(kernel, kernel, 4)).astype(np.float32)
    geometry, activation = Geometry((kernel, kernel), stride, None), Activation(0.0, 6.0)
    pads = geometry.padding(*size)

    together = Convolution(full.reshape(-1, 4), bias, geometry, activation)(x)
    apart = Depthwise(each, bias, geometry, activation)(x)

    assert together.shape[:2] == tuple(-(-side // stride) for side in size)
    np.testing.assert_allclose(together, plain_convolution(x, full, bias, stride, pads), atol=1e-4)
    np.testing.assert_allclose(apart, plain_convolution(x, each[..., None] * np.eye(4), bias, stride, pads), atol=1e-4)


def test_a_damaged_model_file_is_named_in_one_line(tmp_path: Path) -> None:
    damaged = tmp_path / "photo-net.npz"
    data = bytearray(MODEL_FILE.read_bytes())
    data[len(data) // 2] ^= 1
    for content in (bytes(data), data[:1000], b""):
        damaged.write_bytes(content)

        with pytest.raises(DamagedModel, match=r"photo-net\.npz is damaged") as error:
            PhotoNet.load(damaged)
        assert "\n" not in str(error.value)

    with pytest.raises(DamagedModel, match="cannot be read"):
        read_verified(tmp_path / "missing.npz")
