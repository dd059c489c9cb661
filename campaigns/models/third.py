"""Others in a conversation: whom it may be taken on to, and who was brought in."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from agents.models import Agent
from campaigns.models.campaign import Campaign
from campaigns.rules import destinations
from campaigns.rules.lifecycle import ThirdState
from campaigns.rules.phone_numbers import Undialable
from telephony.models import Call


class Destination(models.Model):
    """An entry of the directory: where agents of any campaign may take a conversation on to."""

    name = models.CharField(max_length=80, unique=True)
    number = models.CharField(max_length=16, help_text="with its country code, as +34912345678")
    note = models.CharField(max_length=120, blank=True, help_text="what agents read beneath the name: when to choose it, who answers")
    position = models.PositiveSmallIntegerField(default=0)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "name"]
        verbose_name = "directory entry"
        verbose_name_plural = "directory"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        read = destinations.read(self.number, home=None)
        if isinstance(read, Undialable):
            raise ValidationError({"number": f"{read.why[:1].upper()}{read.why[1:]}."})
        self.number = read.e164


class ThirdParty(models.Model):
    """Somebody brought into a conversation, or whom it was handed on to. Its id is its call's, or, of an agent, their work's."""

    class How(models.TextChoices):
        CONSULT = "consult", "Consulted first"
        CONFERENCE = "conference", "Brought in"
        BLIND = "blind", "Handed over unasked"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="third_parties", help_text="the customer's")
    campaign = models.ForeignKey(Campaign, db_index=False, on_delete=models.PROTECT, related_name="+")
    interaction_id = models.UUIDField(help_text="the work of the agent who brought them in, and the bridge of the conversation")
    agent = models.ForeignKey(
        Agent, db_index=False, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="who brought them in"
    )
    to_agent = models.ForeignKey(
        Agent, db_index=False, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: somebody outside"
    )
    how = models.CharField(max_length=10, choices=How.choices)
    state = models.CharField(max_length=10, default=ThirdState.CALLING, choices=[(s, s.capitalize()) for s in ThirdState])
    name = models.CharField(max_length=80, blank=True)
    e164 = models.CharField(max_length=16, blank=True, help_text="empty: an agent")
    asked_at = models.DateTimeField()
    handed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cause = models.CharField(max_length=24, blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=5, null=True, blank=True, help_text="a minute, when they were called")
    cost = models.DecimalField(max_digits=12, decimal_places=5, null=True, blank=True, help_text="begun minutes since the answer at that price")

    class Meta:
        verbose_name = "third party"
        verbose_name_plural = "third parties"
        constraints = [
            models.UniqueConstraint(
                fields=["interaction_id"],
                name="one_consulted_at_a_time",
                condition=Q(state__in=[ThirdState.CALLING.value, ThirdState.CONSULTED.value]),
            )
        ]
        indexes = [
            models.Index(fields=["interaction_id"], name="third_open", condition=~Q(state=ThirdState.ENDED)),
            models.Index(fields=["ended_at"], include=["campaign", "cost"], name="third_cost", condition=Q(cost__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.e164} ({self.state})"
