//! The models: a tracked invoice, a sourced customer.

use earnorm::prelude::*;

/// One invoice; a number that stands on two rows has two lines.
#[model]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Invoice {
    /// The number; a cancellation's begins with `C`.
    #[model(id)]
    pub(crate) number: String,
    pub(crate) issued: DateTime<Utc>,
    pub(crate) customer: Option<i64>,
    #[model(index)]
    pub(crate) country: String,
    #[validate(length(min = 1), nested)]
    pub(crate) lines: Vec<Line>,
    /// The sum of the lines.
    pub(crate) amount: Decimal,
}

#[model]
impl Invoice {
    #[pre_save]
    fn add_up(&mut self) {
        self.amount = self.lines.iter().map(Line::amount).sum();
    }
}

/// A quantity at a price.
#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) quantity: i64,
    pub(crate) unit_price: Decimal,
}

impl Line {
    pub(crate) fn amount(&self) -> Decimal {
        Decimal::from(self.quantity) * self.unit_price
    }
}

/// A customer is what they bought and gave back.
#[model(sourced)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Customer {
    #[model(id)]
    pub(crate) id: i64,
    pub(crate) country: String,
    pub(crate) purchases: u32,
    pub(crate) refunds: u32,
    #[model(index(desc))]
    pub(crate) spent: Decimal,
}

/// The first row with a customer's number.
#[event]
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) id: i64,
    pub(crate) country: String,
}

/// A row of zero or more.
#[event]
#[derive(Debug, Clone)]
pub(crate) struct Purchased {
    pub(crate) invoice: String,
    pub(crate) amount: Decimal,
}

/// A row below zero.
#[event]
#[derive(Debug, Clone)]
pub(crate) struct Refunded {
    pub(crate) invoice: String,
    pub(crate) amount: Decimal,
}

#[model]
impl Customer {
    #[apply]
    fn registered(event: &Registered) -> Self {
        Self { id: event.id, country: event.country.clone(), purchases: 0, refunds: 0, spent: Decimal::ZERO }
    }

    #[apply]
    fn purchased(&mut self, event: &Purchased) {
        self.purchases += 1;
        self.spent += event.amount;
    }

    #[apply]
    fn refunded(&mut self, event: &Refunded) {
        self.refunds += 1;
        self.spent -= event.amount;
    }
}
