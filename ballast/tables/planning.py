"""Tables of planning and reporting."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns


class Recommendations(dy.Schema):
    """The steps of each account's plan in the order in which they must be taken."""

    recommendation_id = columns.key("Derived from account, session, inputs and step")
    account_id = columns.text("Account")
    session = columns.date("Session for which it was planned")
    step = columns.count("Order of execution within the account, from 1")
    side = dy.String(
        regex=r"^(sell|exchange|buy)$", metadata={"description": "sell, exchange or buy"}
    )
    symbol = columns.text("Security, or currency pair FROM/TO for an exchange")
    quantity = columns.amount("Units to trade; for an exchange, amount of FROM")
    price = columns.amount("Price assumed; for an exchange, the rate")
    currency = columns.text("Currency of price and fee")
    value_base = columns.amount("Size of the trade in base currency")
    fee = columns.amount("Expected fee, in currency")
    weight_before = columns.number("Weight before the plan")
    weight_after = columns.number("Weight after the plan")
    target_weight = columns.number("Wanted weight")
    cash_after_base = columns.amount("Account cash in base currency after this step")
    category = columns.text("Kind of opportunity that the step makes use of", nullable=True)
    tags = columns.text("What speaks for it, separated by commas", nullable=True)
    priority = columns.number("Urgency among the trades of its category")
    tax = columns.amount("Tax on its gain that is set aside, in base currency", nullable=True)
    score_before = columns.number("End-state score before this step, 0 to 1")
    score_after = columns.number("End-state score after it, costs so far deducted")
    reason = columns.text("Why, in a few words")
    narrative = columns.text("What is done and why, as one would tell a person")
    portfolio_hash = columns.text("Hash of holdings, cash and open orders")
    inputs_hash = columns.text("Hash of everything the plan was computed from")


class Plans(dy.Schema):
    """One row per account: whether it could be planned, and what the plan does to it."""

    account_id = columns.key("Account")
    session = columns.date("Session")
    status = columns.text("planned, at_target, blocked or unknown")
    reason = columns.text("Why, in words")
    steps = columns.count("Number of steps")
    base_currency = columns.text("Base currency of the account")
    value_before = columns.amount("Account value before the plan", nullable=True)
    reserve = columns.amount("Cash to keep in base currency", nullable=True)
    cash_before = columns.amount("Cash in base currency before the plan", nullable=True)
    cash_after = columns.amount("Cash in base currency after the plan", nullable=True)
    fees = columns.amount("Expected fees of the plan in base currency", nullable=True)
    taxes = columns.amount("Tax on gains set aside, in base currency", nullable=True)
    regime = columns.text("Market regime that set the reserve", nullable=True)
    objective = columns.text("What the best plan is: score or targets")
    score_before = columns.number("End-state score now, 0 to 1; null where it is not known")
    score_after = columns.number("End-state score after the plan, costs and taxes deducted")
    sets_searched = columns.count("Sets of trades among which the plan is the best")
    sets_feasible = columns.count("How many of them could be paid, as far as they were looked at")
    depth = columns.count("Most trades in a set")
    is_proved = columns.flag("Whether no set of that many trades can be better")
    narrative = columns.text("The plan as one would tell a person")
    portfolio_hash = columns.text("Hash of holdings, cash and open orders")
    settings_hash = columns.text("Hash of costs, reserve and planner settings")
    allocation_hash = columns.text("Hash of the targets of securities and groups")
    inputs_hash = columns.text("Hash of everything the plan was computed from")


class PlanOpportunities(dy.Schema):
    """Every single trade that a plan could have been made of, and what became of it."""

    account_id = columns.key("Account")
    symbol = columns.key("Security")
    side = columns.key("sell or buy")
    extent = columns.key("whole, or part: as much of a purchase as the cash at hand pays for")
    category = columns.text("Kind of opportunity")
    quantity = columns.amount("Units, whole lots")
    value_base = columns.amount("Value in base currency")
    fee_base = columns.amount("Fees in base currency, an exchange included")
    tax_base = columns.amount("Tax on its gain in base currency")
    priority = columns.number("Urgency among the trades of its category", nullable=False)
    tags = columns.text("What speaks for it, separated by commas")
    reason = columns.text("Why, in a few words")
    outcome = columns.text("planned, stopped, worse, unaffordable or crowded_out")
    outcome_reason = columns.text(
        "Why it was not planned: the rule that stops it, or what it costs"
    )
    score_change = columns.number("Score of the best plan with it, less that of the plan")


class PlanAlternatives(dy.Schema):
    """Other plans beside the one that is recommended, with what each is worth and costs."""

    account_id = columns.key("Account")
    view = columns.key(
        "Under which the plan is the best: the next best, an objective, or a named strategy"
    )
    rank = columns.count("Place within the view, from 1", primary_key=True)
    trades = columns.text("Its trades")
    count = columns.count("Number of trades")
    score = columns.number("End-state score after it, costs and taxes deducted", nullable=False)
    improvement = columns.number("Score less that of doing nothing", nullable=False)
    cost = columns.number("Fees in base currency, as estimated by the search", nullable=False)
    tax = columns.number("Taxes in base currency", nullable=False)
    turnover = columns.number("Half of what is traded, as a share of the account", nullable=False)
    tracking = columns.number("Distance from the target weights: a volatility, or the active share")
    is_chosen = columns.flag("Whether it is the recommended plan")


class PlanComponents(dy.Schema):
    """What the end-state score is made of, before and after each plan."""

    account_id = columns.key("Account")
    component = columns.key("Part of the score")
    weight = columns.number("How much it counts", nullable=False)
    before = columns.number("Value now, about 0 to 1", nullable=False)
    after = columns.number("Value after the plan", nullable=False)
    contribution = columns.number("What its change adds to the score", nullable=False)


class PlanScenarios(dy.Schema):
    """What the whole account is worth under joint scenarios, with the plan and without it."""

    account_id = columns.key("Account")
    source = columns.key("model (covariance), history (joint days), or the name of a stress")
    plan = columns.key("recommended, or nothing")
    scenarios = columns.count("Number of scenarios")
    mean = columns.number("Mean change of the account's value, as a share", nullable=False)
    worst_5_percent = columns.number("5 % quantile of the change", nullable=False)
    worst_1_percent = columns.number("1 % quantile of the change", nullable=False)
    expected_shortfall = columns.number("Mean of the worst 5 %", nullable=False)
    probability_of_loss = columns.number("Share of scenarios that lose", nullable=False)
    robust_score = columns.number("0.4 min + 0.3 p10 + 0.3 mean of the score over the scenarios")


class DailyReports(dy.Schema):
    """The report of a session as text."""

    session = columns.date("Session", primary_key=True)
    report = columns.text("The report, as Markdown")
