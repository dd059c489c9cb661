"""Verdicts on voices that were drawn to be checked by a person."""

from django.db import models
from django.db.models import Q

from agents.models import User
from campaigns.models.campaign import Campaign
from campaigns.models.ledger import Attempt
from telephony.rules.lifecycle import Verdict


class VerdictReview(models.Model):
    """One verdict of the carrier, person or machine, and what somebody found who looked."""

    class Truth(models.TextChoices):
        HUMAN = Verdict.HUMAN.value, "A person"
        MACHINE = Verdict.MACHINE.value, "A machine"
        UNCLEAR = "unclear", "Nobody can tell"

    attempt = models.OneToOneField(Attempt, primary_key=True, on_delete=models.CASCADE, related_name="verdict_review")
    campaign = models.ForeignKey(Campaign, db_index=False, on_delete=models.CASCADE, related_name="+")
    verdict = models.CharField(max_length=8, choices=[(v, v.capitalize()) for v in Verdict])
    drawn_at = models.DateTimeField()
    truth = models.CharField("who answered", max_length=8, blank=True, choices=Truth.choices)
    reviewed_by = models.ForeignKey(User, db_index=False, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    reviewed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["drawn_at"], name="verdict_to_review", condition=Q(truth=""))]
        verbose_name = "verdict to check"
        verbose_name_plural = "verdicts to check"

    def __str__(self) -> str:
        return f"{self.verdict}: {self.attempt_id}"
