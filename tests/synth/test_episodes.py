import numpy as np

from vatrace.synth import episodes
from vatrace.synth.episodes import FACE_KINDS, VOICE_KINDS, Episode, active, draw_episodes
from vatrace.synth.seeds import Purpose, generator

TIMES = np.arange(750) / 25


def episodes_of(subject: int, seconds: float = 30.0) -> tuple[Episode, ...]:
    return draw_episodes(generator(0, subject, 0, Purpose.EPISODES), seconds)


def test_episodes_lie_within_the_clip_in_order_and_apart() -> None:
    for subject in range(60):
        for channel, kinds in (("face", FACE_KINDS), ("voice", VOICE_KINDS)):
            mine = [episode for episode in episodes_of(subject) if episode.channel == channel]
            assert mine
            assert all(episode.kind in kinds for episode in mine)
            assert all(1.99 <= episode.end_seconds - episode.start_seconds <= 6.01 for episode in mine)
            edges = [edge for episode in mine for edge in (episode.start_seconds, episode.end_seconds)]
            assert edges == sorted(edges)
            assert edges[0] >= 0.9
            assert edges[-1] <= 29.1


def test_each_channel_is_unreliable_for_a_fifth_of_the_time_independently_of_the_other() -> None:
    face = np.concatenate([active(episodes_of(subject), TIMES, channel="face") for subject in range(200)])
    voice = np.concatenate([active(episodes_of(subject), TIMES, channel="voice") for subject in range(200)])
    assert 0.17 < face.mean() < 0.23
    assert 0.17 < voice.mean() < 0.23
    assert abs(np.corrcoef(face, voice)[0, 1]) < 0.06


def test_active_respects_channel_kind_and_margin() -> None:
    made = (
        Episode(channel="face", kind="lost", start_seconds=1.0, end_seconds=2.0),
        Episode(channel="voice", kind="muted", start_seconds=3.0, end_seconds=4.0),
    )
    times = np.array([0.5, 1.0, 1.9, 2.0, 3.5])
    assert active(made, times).tolist() == [False, True, True, False, True]
    assert active(made, times, channel="voice").tolist() == [False, False, False, False, True]
    assert active(made, times, kind="lost", margin_seconds=0.5).tolist() == [True, True, True, True, False]


def test_a_clip_too_short_for_an_episode_has_none() -> None:
    assert episodes_of(0, 4.0) == ()


def test_every_kind_comes_and_is_described() -> None:
    kinds = {episode.kind for subject in range(30) for episode in episodes_of(subject)}
    assert kinds == {*FACE_KINDS, *VOICE_KINDS}
    assert all(f"{kind} " in (episodes.__doc__ or "") for kind in kinds)
