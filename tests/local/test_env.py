"""What the environment says is read loudly."""

from pathlib import Path

import pytest

from dialer_project.lib import env


def test_a_missing_variable_is_named_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    with pytest.raises(env.Misconfigured, match=r"REDIS_URL is not set.*for example REDIS_URL=redis://host"):
        env.url("REDIS_URL", schemes=["redis", "rediss"])


def test_an_empty_variable_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "  ")
    with pytest.raises(env.Misconfigured, match="SECRET_KEY is not set"):
        env.text("SECRET_KEY")
    assert env.text("SECRET_KEY", "spare") == "spare"
    monkeypatch.setenv("ALLOWED_HOSTS", "")
    assert env.words("ALLOWED_HOSTS", default=("localhost",)) == ("localhost",)


@pytest.mark.parametrize(("spelling", "meaning"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("FALSE", False), ("off", False)])
def test_a_flag_is_read_in_the_usual_spellings(monkeypatch: pytest.MonkeyPatch, spelling: str, meaning: bool) -> None:
    monkeypatch.setenv("DEBUG", spelling)
    assert env.flag("DEBUG", default=not meaning) is meaning


def test_a_flag_that_is_neither_yes_nor_no_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "perhaps")
    with pytest.raises(env.Misconfigured, match=r"DEBUG should be 1 or 0.*found 'perhaps'"):
        env.flag("DEBUG", default=False)


def test_a_whole_number_keeps_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "80000")
    with pytest.raises(env.Misconfigured, match="PORT should be a whole number at least 1 and at most 65535, found '80000'"):
        env.integer("PORT", at_least=1, at_most=65535)
    monkeypatch.setenv("PORT", "eighty")
    with pytest.raises(env.Misconfigured, match="found 'eighty'"):
        env.integer("PORT")
    monkeypatch.setenv("PORT", "80")
    assert env.integer("PORT") == 80


def test_words_are_separated_by_commas_or_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example, b.example c.example,")
    assert env.words("ALLOWED_HOSTS") == ("a.example", "b.example", "c.example")


def test_a_url_of_the_wrong_kind_is_refused_and_its_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://maria:hush@host/shop")
    with pytest.raises(env.Misconfigured) as refusal:
        env.url("DATABASE_URL", schemes=["postgresql"])
    assert "DATABASE_URL should be postgresql://, found 'mysql://maria:…@host/shop'" in str(refusal.value)
    with pytest.raises(env.Misconfigured) as refusal:
        env.database("maria:hush@host/shop")
    assert "hush" not in str(refusal.value)


def test_a_database_url_becomes_djangos_entry() -> None:
    entry = env.database("postgresql://maria:p%40ss@db.example:5433/shop?sslmode=require")
    assert entry["ENGINE"] == "django.db.backends.postgresql"
    assert (entry["USER"], entry["PASSWORD"], entry["HOST"], entry["PORT"], entry["NAME"]) == (
        "maria",
        "p@ss",
        "db.example",
        "5433",
        "shop",
    )
    assert entry["OPTIONS"] == {"sslmode": "require"}


def test_a_database_behind_a_socket_is_found_by_its_directory() -> None:
    entry = env.database("postgresql://maria:hush@/shop?host=%2Frun%2Fpg%20sock&port=5434")
    assert (entry["HOST"], entry["PORT"], entry["OPTIONS"]) == ("/run/pg sock", "5434", {})


@pytest.mark.parametrize("url", ["mysql://h/db", "postgresql://h", "postgresql://h:port/db"])
def test_a_database_url_that_cannot_be_used_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(env.Misconfigured, match=r"DATABASE_URL should .*for example DATABASE_URL=postgresql://"):
        env.database(url)


def test_a_secret_may_lie_in_a_file_and_one_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("ANY_SECRET_FILE", str(tmp_path / "secret"))
    assert env.text("ANY_SECRET") == "from the file"
    monkeypatch.setenv("ANY_SECRET", "from the environment")
    assert env.text("ANY_SECRET") == "from the environment"
    monkeypatch.delenv("ANY_SECRET")
    monkeypatch.setenv("ANY_SECRET_FILE", str(tmp_path / "gone"))
    with pytest.raises(env.Misconfigured, match=r"ANY_SECRET_FILE names .*gone, which cannot be read"):
        env.text("ANY_SECRET", "")
    assert env.database("postgresql://a@host/b", password="given")["PASSWORD"] == "given"
    assert env.database("postgresql://a:own@host/b", password="given")["PASSWORD"] == "own"


def test_a_time_zone_is_one_that_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CENTRE_TIME_ZONE", "Europe/Madrid")
    assert env.time_zone("CENTRE_TIME_ZONE", "UTC") == "Europe/Madrid"
    monkeypatch.setenv("CENTRE_TIME_ZONE", "Madrid")
    with pytest.raises(env.Misconfigured, match=r"CENTRE_TIME_ZONE should be the name of a time zone, found 'Madrid', for example"):
        env.time_zone("CENTRE_TIME_ZONE", "UTC")
