//! An expression that was checked, and its evaluation.

use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program, Value};
use ostia_identity::Identity;
use ostia_request::{Case, readings};

use super::checked::{Members, Needs, check};
use super::{ExpressionRefused, MAX_BYTES, MAX_DEPTH, variables};
use crate::decision::Reason;
use crate::facts::Facts;
use crate::truth::Truth;

/// The parser descends by recursion, far more than an expression is nested.
const PARSER_STACK: usize = 32 << 20;

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A compiled `when`.
pub(crate) struct Expression {
    text: Box<str>,
    program: Program,
    needs: Needs,
}

impl Expression {
    pub(crate) fn compile(text: &str) -> Result<Self, ExpressionRefused> {
        if text.len() > MAX_BYTES {
            return Err(ExpressionRefused::TooLong);
        }
        refuse_brackets(text)?;
        let program = parsed(text)?;
        let needs = check(program.expression())?;
        Ok(Self { text: text.into(), program, needs })
    }

    /// True, false, or unknown: an error, no truth value, or a path whose readings disagree.
    pub(crate) fn judge(&self, identity: &Identity, facts: &Facts<'_>) -> (Truth, Reason) {
        let first = self.of_path(identity, facts, facts.path);
        if !self.needs.path || first == Outcome::Failed {
            return first.told();
        }
        let Ok(others) = readings(facts.path) else { return Outcome::Failed.told() };
        let agree = others.iter().filter(|reading| reading.case == Case::Kept).all(|reading| {
            std::str::from_utf8(&reading.bytes).is_ok_and(|path| self.of_path(identity, facts, path) == first)
        });
        if agree { first.told() } else { (Truth::Unknown, Reason::PathOther) }
    }

    fn of_path(&self, identity: &Identity, facts: &Facts<'_>, path: &str) -> Outcome {
        match self.value(identity, facts, path) {
            Ok(Value::Bool(true)) => Outcome::True,
            Ok(Value::Bool(false)) => Outcome::False,
            Ok(_) | Err(_) => Outcome::Failed,
        }
    }

    fn value(&self, identity: &Identity, facts: &Facts<'_>, path: &str) -> cel::ResolveResult {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        variables::fill(&mut context, &self.needs, identity, &Facts { path, ..*facts });
        self.program.execute(&context)
    }

    /// The top-level claims that it reads; `None` for all.
    pub(crate) fn claims_read(&self) -> Option<&[String]> {
        match &self.needs.claims {
            Members::Named(names) => Some(names),
            Members::All => None,
        }
    }

    /// What it says, and what went wrong with it, for the operator.
    pub(crate) fn explain(&self, identity: &Identity, facts: &Facts<'_>) -> String {
        let text = &self.text;
        match (self.judge(identity, facts).0, self.value(identity, facts, facts.path)) {
            (_, Err(error)) => {
                let error: String = error.to_string().chars().take(200).collect();
                format!("when `{text}` cannot be evaluated: {}", error.escape_debug())
            }
            (_, Ok(Value::Bool(holds))) if Truth::from(holds) == self.judge(identity, facts).0 => {
                format!("when `{text}` is {holds}")
            }
            (_, Ok(Value::Bool(_))) => format!("when `{text}` differs between readings of the path"),
            (_, Ok(_)) => format!("when `{text}` is no truth value"),
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    True,
    False,
    Failed,
}

impl Outcome {
    fn told(self) -> (Truth, Reason) {
        match self {
            Self::True => (Truth::Yes, Reason::ExpressionFalse),
            Self::False => (Truth::No, Reason::ExpressionFalse),
            Self::Failed => (Truth::Unknown, Reason::ExpressionFailed),
        }
    }
}

/// Brackets that would lead the parser too deep are counted before it begins; those in texts count, too.
fn refuse_brackets(text: &str) -> Result<(), ExpressionRefused> {
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(ExpressionRefused::TooDeep);
        }
    }
    Ok(())
}

/// Parses on a thread with room for it; a parser that panics has refused.
fn parsed(text: &str) -> Result<Program, ExpressionRefused> {
    let syntax = |message: String| ExpressionRefused::Syntax { message };
    let owned = text.to_owned();
    let parse = move || STANDARD.compile(&owned).map_err(|errors| errors.to_string());
    let thread =
        std::thread::Builder::new().name("expression".to_owned()).stack_size(PARSER_STACK).spawn(parse);
    let thread = thread.map_err(|error| syntax(format!("it cannot be parsed now: {error}")))?;
    match thread.join() {
        Ok(parsed) => parsed.map_err(|message| syntax(message.trim().to_owned())),
        Err(_) => Err(syntax("the parser gave up".to_owned())),
    }
}
