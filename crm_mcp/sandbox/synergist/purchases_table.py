"""What a purchase is in Synergist: an estimate of what must be bought, or an order."""

from collections.abc import Mapping
from typing import Any

from crm_mcp.sandbox.synergist.phases import PHASES
from crm_mcp.sandbox.synergist.purchases_money import Rates
from crm_mcp.sandbox.synergist.purchases_suppliers import SUPPLIERS, SUPPLY_TYPE
from crm_mcp.sandbox.synergist.reads import Listing
from crm_mcp.sandbox.synergist.tables import NO_DATE, Field, Get, Shown, Table, fields, via
from crm_mcp.sandbox.synergist.world import Record, Row, View, World

ESTIMATE = "{EST}"
"""Stands in the place of the number of an order as long as there is none."""

_LIST, _DETAILS, _BOTH, _NOWHERE = Shown.LIST, Shown.DETAILS, Shown.BOTH, Shown.NOWHERE


def _of_phase(name: str) -> Get:
    """Make a field show what the phase of a purchase shows."""
    return lambda world, purchase: PHASES.show(
        world, world.find(PHASES.kind, purchase["poJobandPhase"])
    )[name]


def _shown_cost(_: World, purchase: Record) -> str:
    """Write what it really costs, or is estimated to."""
    return f"£{purchase['poCost'] or purchase['poEstCost'] or 0:,.2f}"


def _money(*names: str) -> tuple[Field, ...]:
    return fields(_DETAILS, *names, of="number", editable=True)


PURCHASES = Table(
    kind="purchase",
    prefix="po",
    key="poInternal",
    head=("poUuid", "poTimeStampModified", "poRecordVersionNumber"),
    models=("purchaseorderlist", "purchaseorderdetails"),
    fields=(
        Field("poCostDisplay", shown=_LIST),
        Field("poSalesCodeDescription", shown=_DETAILS),
        *fields(_DETAILS, "poClientCode", "poClientName", "poJobNumber", "poJobDescription"),
        Field("poPhaseDescription", shown=_DETAILS),
        Field("poInternal", "number"),
        Field("poPONumber", shown=_BOTH),
        Field("poTransferredFrom", shown=_DETAILS),
        Field("poDescription", editable=True, mandatory=True),
        Field("poJobandPhase", editable=True, mandatory=True, refers=PHASES.kind),
        Field("poTheirRef", editable=True),
        Field("poOrderedByUserId", "number", editable=True, refers="user"),
        Field("poOrderedByFullName"),
        Field("poSupplytype", editable=True, mandatory=True, refers=SUPPLY_TYPE),
        *fields(_BOTH, "poSupplyTypeDescription", "poSupplierName"),
        *fields(_LIST, "poViewDate", "poDateCreated", "poDateSent", of="date"),
        Field("poEstimatedDate", "date", editable=True),
        Field("poInvoiceDate", "date"),
        Field("poViewTime", "time", _LIST),
        Field("poViewTimeZone", shown=_LIST),
        Field("poPurchaseOrderType"),
        Field("poSupplierCode", editable=True, mandatory=True, refers=SUPPLIERS.kind),
        *fields(_DETAILS, "poPickedForQuote", "poPicked", of="boolean"),
        Field("poOption", shown=_DETAILS),
        Field("poInvest", "boolean", _DETAILS, editable=True),
        Field("poDateOrdered", "date", _DETAILS, editable=True),
        *fields(_BOTH, "poCost", "poEstCost", of="number", editable=True),
        *_money("poMarkup", "poEstMarkUp", "poCharge", "poEstRecChgOut", "poCurrencyEstCharge"),
        *_money("poOriginalCost", "poInvestment", "poInvestmentMarkup", "poCurrencyRate"),
        *_money("poCurrencyCost", "poCurrencyEstCost", "poCurrencyOrigCost", "poCurrencyCharge"),
        *fields(_DETAILS, "poOrderText", "poNotes", editable=True),
        Field("poInvoiceMemo", shown=_NOWHERE, editable=True),
        *fields(_DETAILS, "poPOApproved", "poInvoiceRcd", of="boolean"),
        *fields(_DETAILS, "poInvoiceRef", "poFinalPITheirRef", "poSalesInvNo"),
        *fields(_DETAILS, "poCancelDate", "poInvDocDate", of="date"),
        *fields(_DETAILS, "poTotalInvoiced", "poCurrencyInvoiced", of="number"),
        *fields(_DETAILS, "poTransferHistory", "poCurrency", "poContactName"),
        *fields(_DETAILS, "poTaxCode", "poSalesTaxRate", of="number"),
        Field(
            "poSupplierContactInternalRef",
            "number",
            _DETAILS,
            editable=True,
            refers="suppliercontact",
        ),
        Field("poCurrencyCode", shown=_DETAILS, editable=True, refers="currency"),
    ),
    derived={
        "poCostDisplay": _shown_cost,
        "poSalesCodeDescription": _of_phase("phaseSalesCodeDescription"),
        "poClientCode": _of_phase("phaseClientCode"),
        "poClientName": _of_phase("phaseClientName"),
        "poJobNumber": _of_phase("phaseJobNumber"),
        "poJobDescription": _of_phase("phaseJobDescription"),
        "poPhaseDescription": _of_phase("phaseDescription"),
        "poTaxCode": _of_phase("phaseTaxCode"),
        "poSalesTaxRate": _of_phase("phaseSalesTaxRate"),
        "poOrderedByFullName": via("user", "poOrderedByUserId", "userFullName"),
        "poSupplyTypeDescription": via(SUPPLY_TYPE, "poSupplytype", "supplytypesDescription"),
        "poSupplierName": via(SUPPLIERS.kind, "poSupplierCode", "supplierName"),
        "poContactName": via(
            "suppliercontact", "poSupplierContactInternalRef", "suppliercontactForwardsfullName"
        ),
        "poCurrency": via("currency", "poCurrencyCode", "currencyCurrencyName"),
        "poViewDate": lambda _, purchase: purchase["poDateOrdered"] or purchase["poEstimatedDate"],
        "poPurchaseOrderType": lambda *_: "P",
    },
    # Answers to updates call the charge by this name.
    aliases={"pochargeout": "poCharge"},
)

LISTING = Listing(
    PURCHASES,
    own=("purchase",),
    filters={
        "job": ("poJobNumber",),
        "jobphase": ("poJobandPhase",),
        "client": ("poClientCode",),
        "supplier": ("poSupplierCode",),
        "suppliercontact": ("poSupplierContactInternalRef",),
    },
    views=("Purchases",),
)


def named_purchase(purchase: Record) -> Row:
    """Show which purchase it is, and its order number."""
    return {**PURCHASES.named(purchase), "poPONumber": purchase["poPONumber"]}


def rates_of(world: World, data: Mapping[str, Any]) -> Rates:
    """Find the exchange rates that count for a purchase: its own, and that of its job."""
    phase = world.find(PHASES.kind, data["poJobandPhase"])
    job = world.find("job", phase["phaseJobNumber"])
    return Rates(data["poCurrencyRate"], job["jobExchangeRate"] or 1)


def _is_estimate(row: Row) -> bool:
    return bool(row["poPONumber"] == ESTIMATE)


def _is_open(row: Row) -> bool:
    return not row["poInvoiceRcd"] and row["poCancelDate"] == NO_DATE


VIEWS = (
    View(-2004, "Purchases", "All purchases", lambda *_: True, "poInternal"),
    View(-2001, "Purchases", "Estimates", lambda row, _: _is_estimate(row), "poInternal"),
    View(
        -2002,
        "Purchases",
        "Open orders",
        lambda row, _: not _is_estimate(row) and _is_open(row),
        "poPONumber",
    ),
    View(
        -2003,
        "Purchases",
        "Ordered by me",
        lambda row, viewer: row["poOrderedByUserId"] == viewer.user_id,
        "poEstimatedDate",
        descending=True,
    ),
)
