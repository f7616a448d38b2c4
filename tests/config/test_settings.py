"""Settings: file over defaults, environment over file, options over environment; what is unknown is an error with its name."""

from pathlib import Path

import pytest

from config.settings import load
from config.toml import as_toml
from models.errors import ConfigurationError


def file(folder: Path, text: str) -> Path:
    path = folder / "highwater.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_of_the_contract_hold() -> None:
    settings = load(None, environment={})
    assert (settings.serve.host, settings.serve.port) == ("127.0.0.1", 8480)
    assert (settings.time.allowed_lateness_s, settings.time.allowed_future_s, settings.time.idle_s) == (30, 300, 60)
    assert (settings.detection.false_alarms_per_day, settings.detection.fleet_series, settings.correlation.settling_s) == (
        0.1,
        10_000,
        7200,
    )


def test_the_environment_wins_over_the_file_and_options_over_both(tmp_path: Path) -> None:
    path = file(tmp_path, "[time]\nallowed_lateness_s = 10\nidle_s = 11\nallowed_future_s = 12\n")
    environment = {"HIGHWATER_TIME__IDLE_S": "21", "HIGHWATER_TIME__ALLOWED_FUTURE_S": "22"}
    settings = load(path, {"time": {"allowed_future_s": 32}}, environment).time
    assert (settings.allowed_lateness_s, settings.idle_s, settings.allowed_future_s) == (10, 21, 32)


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, "[correlation]\nsettling_s = 60\n")
    assert load(None, environment={"HIGHWATER_CONFIG": str(path)}).correlation.settling_s == 60


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[time]\nlateness = 1\n", r"unknown setting time\.lateness"),
        ("[tim]\n", "unknown setting tim "),
        ("[time]\nidle_s = -4\n", r"setting time\.idle_s: .*-4"),
        ("[time\n", "not valid TOML"),
        ('[time]\nholidays = "GB-XX"\n', r"setting time\.holidays: no holidays are known for it: set time\.holidays to .* GB-SCT, or none"),
        ('[time]\nholidays = "gb-eng"\n', r"setting time\.holidays: string should match pattern .*A-Z"),
    ],
)
def test_a_fault_is_named_with_its_key(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        load(file(tmp_path, text), environment={})


def test_an_unknown_variable_of_a_known_section_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown setting serve\.prot"):
        load(None, environment={"HIGHWATER_SERVE__PROT": "1"})


def test_the_written_settings_read_back_the_same(tmp_path: Path) -> None:
    before = load(None, {"time": {"idle_s": 7}}, {})
    assert load(file(tmp_path, as_toml(before)), environment={}) == before


def test_no_secret_is_ever_printed() -> None:
    shown = as_toml(load(None, {"serve": {"admin_token": "hw_very_secret"}}, {}))
    assert "hw_very_secret" not in shown
