"""What campaigns remember: the plan (campaigns, lists, rules), the people, and the ledger of what was tried."""

from campaigns.models.campaign import Campaign, CampaignChange, CampaignVersion, Disposition, Participation, RetryRule, SpendLimit
from campaigns.models.compliance import (
    CallableHours,
    CampaignExclusion,
    Consent,
    DoNotCall,
    DoNotCallList,
    DoNotCallRemoval,
    Holiday,
    HolidayCalendar,
    NumberCheck,
    RulePack,
    Suppression,
    ValidationService,
)
from campaigns.models.inbound import InboundCall
from campaigns.models.ledger import Attempt, Callback, Lead, Permit, ZoneGroup
from campaigns.models.people import CallingList, Contact, ContactChange, ListImport, PhoneNumber, ZoneConfirmation
from campaigns.models.records import CallRequest, FieldDefinition, LiveSource, Outbox, Survey, SurveyAnswer
from campaigns.models.supervision import Supervision
from campaigns.models.third import Destination, ThirdParty
from campaigns.models.verdicts import VerdictReview

__all__ = [
    "Attempt",
    "CallRequest",
    "CallableHours",
    "Callback",
    "CallingList",
    "Campaign",
    "CampaignChange",
    "CampaignExclusion",
    "CampaignVersion",
    "Consent",
    "Contact",
    "ContactChange",
    "Destination",
    "Disposition",
    "DoNotCall",
    "DoNotCallList",
    "DoNotCallRemoval",
    "FieldDefinition",
    "Holiday",
    "HolidayCalendar",
    "InboundCall",
    "Lead",
    "ListImport",
    "LiveSource",
    "NumberCheck",
    "Outbox",
    "Participation",
    "Permit",
    "PhoneNumber",
    "RetryRule",
    "RulePack",
    "SpendLimit",
    "Supervision",
    "Suppression",
    "Survey",
    "SurveyAnswer",
    "ThirdParty",
    "ValidationService",
    "VerdictReview",
    "ZoneConfirmation",
    "ZoneGroup",
]
