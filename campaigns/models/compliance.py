"""What the law and the organisation allow: hours, holidays, lists of numbers not to call, consent, rule packs."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from agents.models import User
from campaigns.models.campaign import Campaign
from campaigns.models.people import Contact
from campaigns.rules import holidays
from campaigns.rules.number_checks import Answer


class CallableHours(models.Model):
    """A weekly table of local times at which a person may be called."""

    name = models.CharField(max_length=80, unique=True)
    week = models.JSONField(default=dict, help_text='{"mon": [["09:00", "20:00"]], …}; a day without an entry is closed')

    class Meta:
        verbose_name_plural = "callable hours"

    def __str__(self) -> str:
        return self.name


class HolidayCalendar(models.Model):
    """Days on which nobody is called. One of a country, or of a region of it by ISO 3166-2 (DE and BY), begins with its public holidays."""

    YEARS_AHEAD = 4

    name = models.CharField(max_length=80, unique=True)
    country = models.CharField(max_length=2, blank=True)
    region = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        """DE, DE-BY; empty for a calendar of no place."""
        return f"{self.country}-{self.region}" if self.country and self.region else self.country

    def fill(self, *, since: int, missing_too: bool = False) -> int:
        """Brings the public holidays of its place, of `since` and the years after it; returns how many were new. A year of which it has any day is
        left alone, since somebody may have taken one away; `missing_too`: that does not matter."""
        there = set(self.days.values_list("day", flat=True))
        years = [year for year in range(since, since + self.YEARS_AHEAD) if missing_too or all(day.year != year for day in there)]
        found = [(day, name) for year in years for day, name in holidays.days_of(self.place, year).items() if day not in there]
        return len(Holiday.objects.bulk_create(Holiday(calendar=self, day=day, name=name[:80]) for day, name in found))


class Holiday(models.Model):
    calendar = models.ForeignKey(HolidayCalendar, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    name = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["calendar", "day"], name="holiday_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"


class DoNotCallList(models.Model):
    """A register kept by somebody else and loaded whole from time to time, such as a national one. Rules ask for its age by its name."""

    name = models.CharField(max_length=40, unique=True)
    campaign = models.ForeignKey(
        Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="do_not_call_lists", help_text="empty: the whole organisation's"
    )
    version = models.PositiveIntegerField(default=0, help_text="counts the loads that went through")
    loaded_at = models.DateTimeField(null=True, blank=True, help_text="when the numbers now on it were fetched from its keeper; empty: never whole")
    numbers = models.PositiveIntegerField(default=0, help_text="how many there were")

    class Meta:
        verbose_name = "do-not-call register"

    def __str__(self) -> str:
        return self.name


class DoNotCall(models.Model):
    """A number not to be called again, by the whole organisation or by one campaign, for good or until an instant.

    A row is in force as long as it exists. The database lets none go but by an approved removal, or with the version of its register.
    """

    number_key = models.CharField(max_length=64, help_text="keyed hash of the number")
    hint = models.CharField(max_length=24, blank=True, help_text="the number with its middle hidden")
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="do_not_call")
    register = models.ForeignKey(
        DoNotCallList,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="entries",
        help_text="the register it stands on; empty: our own list",
    )
    version = models.PositiveIntegerField(default=0, help_text="the load of the register it was last on")
    source = models.CharField(max_length=40, help_text="agent, import, api, customer …")
    reason = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="until then; empty: for good")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["number_key", "campaign", "register"], name="do_not_call_once", nulls_distinct=False)]
        verbose_name = "do-not-call entry"
        verbose_name_plural = "do-not-call entries"

    def __str__(self) -> str:
        return self.hint


class DoNotCallRemoval(models.Model):
    """One person asks that a number may be called again, and another decides. Keeps what the entry said, since the entry goes."""

    class State(models.TextChoices):
        ASKED = "asked", "Waits for a second person"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    entry_id = models.BigIntegerField(help_text="the entry's id")
    number_key = models.CharField(max_length=64)
    hint = models.CharField(max_length=24, blank=True)
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    listed_at = models.DateTimeField()
    listed_because = models.CharField(max_length=260, blank=True, help_text="the entry's source and reason")
    reason = models.CharField(max_length=200)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.ASKED)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "do-not-call removal"
        permissions = [("approve_donotcallremoval", "Can approve or refuse what another person asked to remove")]
        constraints = [
            models.UniqueConstraint(fields=["entry_id"], name="one_open_removal", condition=Q(state="asked")),
            models.CheckConstraint(condition=~Q(decided_by=models.F("asked_by")), name="removal_by_a_second_person"),
            models.CheckConstraint(
                condition=Q(state="asked", decided_by__isnull=True, decided_at__isnull=True)
                | Q(~Q(state="asked"), decided_by__isnull=False, decided_at__isnull=False),
                name="removal_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.hint


class Suppression(models.Model):
    """A period in which a person or number is left alone; always with an end."""

    contact = models.ForeignKey(Contact, null=True, blank=True, on_delete=models.CASCADE, related_name="suppressions")
    number_key = models.CharField(max_length=64, blank=True, db_index=True)
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField()
    reason = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.until}"


class CampaignExclusion(models.Model):
    """ "Do not call this contact": a person taken off one campaign."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="exclusions")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="exclusions")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "contact"], name="exclusion_once")]

    def __str__(self) -> str:
        return f"{self.contact_id} not in {self.campaign_id}"


class Consent(models.Model):
    """Evidence that a person agreed to be called, and when they took it back."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    number_key = models.CharField(max_length=64, blank=True, help_text="keyed hash of the one number it is for; empty: of all of theirs")
    kind = models.CharField(max_length=40, help_text="as rule packs name it, such as call")
    seller = models.CharField(max_length=120, blank=True, help_text="whose calls they agreed to")
    source = models.CharField(max_length=120, help_text="where the evidence is: a form's address, a recording's name, a letter's file number")
    text = models.TextField(blank=True, help_text="what they agreed to, word for word")
    channel = models.CharField(max_length=40, blank=True, help_text="web form, telephone, paper …")
    given_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="empty: until it is taken back")
    revoked_at = models.DateTimeField("taken back at", null=True, blank=True)
    recorded_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="when it was written down here")
    recorded_by = models.ForeignKey(User, db_index=False, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+")
    revoked_by = models.ForeignKey(
        User,
        db_index=False,
        verbose_name="taken back by",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="who wrote it down",
    )

    def __str__(self) -> str:
        return f"{self.kind}, {self.given_at:%Y-%m-%d}"


class RulePack(models.Model):
    """A jurisdiction's rules as versioned data; never changed once in use."""

    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField(default=1)
    jurisdiction = models.CharField(max_length=40)
    purposes = ArrayField(
        models.CharField(max_length=24), default=list, blank=True, help_text="what calls are for that it concerns, with commas between; empty: all"
    )
    effective_from = models.DateField(null=True, blank=True)
    effective_to = models.DateField(null=True, blank=True)
    rules = models.JSONField(default=list)
    sources = models.JSONField(default=list, blank=True, help_text='where its rules come from, such as ["47 CFR 64.1200"]')
    enabled = models.BooleanField(default=False, help_text="campaigns may pin it")
    campaigns = models.ManyToManyField(Campaign, blank=True, related_name="rule_packs")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="rule_pack_version_once")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class ValidationService(models.Model):
    """Who must be asked over HTTP about a number before it is called. docs/validation.md has the protocol."""

    name = models.CharField(max_length=80, unique=True)
    url = models.CharField("address", max_length=500, help_text="https://…; asked with POST")
    header = models.CharField(max_length=80, blank=True, default="Authorization", help_text="the header that carries the secret")
    sealed_secret = models.TextField(blank=True, editable=False)
    timeout = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(10)], help_text="seconds for the whole of one question"
    )
    fresh_minutes = models.PositiveIntegerField(
        "verdict holds", default=24 * 60, validators=[MinValueValidator(5), MaxValueValidator(31 * 24 * 60)], help_text="minutes"
    )
    enabled = models.BooleanField(default=True, help_text="switched off, it holds its campaigns: nothing is called unasked")
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="in a row")
    ask_again_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="left alone until then")
    problem = models.CharField(max_length=300, blank=True, editable=False, help_text="what was wrong at the last question")
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return self.name


class NumberCheck(models.Model):
    """A validation service's verdict on a number, made ahead of need and good for a while; or the wish for one."""

    service = models.ForeignKey(ValidationService, db_index=False, on_delete=models.CASCADE, related_name="checks")
    number_key = models.CharField(max_length=64)
    verdict = models.CharField(max_length=16, blank=True, choices=[(answer, answer.capitalize()) for answer in Answer])
    checked_at = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    wanted_at = models.DateTimeField(null=True, blank=True, help_text="since when its verdict is asked for; empty: it is not")
    asking_until = models.DateTimeField(null=True, blank=True, help_text="somebody is asking, or it is left alone, until then")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "number_key"], name="one_verdict_per_number_and_service"),
            models.CheckConstraint(
                name="a_verdict_has_its_time",
                condition=Q(verdict="") | Q(checked_at__isnull=False, valid_until__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["service", "wanted_at"], name="number_check_wanted", condition=Q(wanted_at__isnull=False))]

    def __str__(self) -> str:
        return self.verdict or "wanted"
