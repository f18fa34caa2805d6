//! What an expression reads, found by walking through it; what could be expensive or cannot mean anything is refused.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue};
use cel::{Context, IdedExpr, Program, Value};

use super::{ExpressionRefused, MAX_DEPTH, MAX_LIST, VARIABLES};

/// Functions that are offered; names of operators begin with another character than a letter.
const FUNCTIONS: [&str; 12] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "type",
    "dyn",
];

/// What has to be made before an expression can be evaluated.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) claims: Members,
    pub(super) identity: bool,
    pub(super) request: bool,
    /// `request.path`, which can be read in several ways.
    pub(super) path: bool,
    pub(super) certificate: bool,
}

/// Claims that an expression reads.
#[derive(Debug, PartialEq)]
pub(super) enum Members {
    Named(Vec<String>),
    All,
}

impl Default for Members {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl Members {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, name: &str) {
        if let Self::Named(names) = self
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
}

pub(super) fn check(expression: &IdedExpr) -> Result<Needs, ExpressionRefused> {
    if matches!(expression.expr, Expr::Literal(_) | Expr::List(_) | Expr::Map(_) | Expr::Struct(_)) {
        return Err(ExpressionRefused::NotBoolean);
    }
    let mut walk = Walk { needs: Needs::default(), bound: Vec::new(), loops: 0 };
    walk.visit(expression, 0)?;
    Ok(walk.needs)
}

struct Walk<'e> {
    needs: Needs,
    /// Variables of the loops around.
    bound: Vec<&'e str>,
    /// Loops around that go through what a token says.
    loops: usize,
}

impl<'e> Walk<'e> {
    fn visit(&mut self, expression: &'e IdedExpr, depth: usize) -> Result<(), ExpressionRefused> {
        // A macro that is written as one level is four of the tree.
        if depth > 4 * MAX_DEPTH {
            return Err(ExpressionRefused::TooDeep);
        }
        if let Some((root, member)) = member_of_variable(expression)
            && !self.bound.contains(&root)
        {
            return self.member(root, member);
        }
        let depth = depth + 1;
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.visit(&select.operand, depth),
            Expr::Call(call) => {
                self.function(&call.func_name, call.target.as_deref(), &call.args)?;
                let parts = call.target.as_deref().into_iter().chain(&call.args);
                parts.into_iter().try_for_each(|part| self.visit(part, depth))
            }
            Expr::List(list) => list.elements.iter().try_for_each(|one| self.visit(one, depth)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| self.entry(&entry.expr, depth)),
            Expr::Struct(made) => Err(ExpressionRefused::UnknownName { name: made.type_name.clone() }),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, depth),
        }
    }

    fn entry(&mut self, entry: &'e EntryExpr, depth: usize) -> Result<(), ExpressionRefused> {
        match entry {
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key, depth)?;
                self.visit(&entry.value, depth)
            }
            EntryExpr::StructField(field) => self.visit(&field.value, depth),
        }
    }

    fn comprehension(&mut self, loop_: &'e ComprehensionExpr, depth: usize) -> Result<(), ExpressionRefused> {
        self.visit(&loop_.iter_range, depth)?;
        let is_short = match &loop_.iter_range.expr {
            Expr::List(list) => list.elements.len() <= MAX_LIST,
            _ => false,
        };
        if self.loops > 0 && !is_short {
            return Err(ExpressionRefused::LoopInLoop);
        }
        let before = self.bound.len();
        self.bound.extend([loop_.iter_var.as_str(), loop_.accu_var.as_str()]);
        self.bound.extend(loop_.iter_var2.as_deref());
        self.loops += 1;
        for part in [&loop_.accu_init, &loop_.loop_cond, &loop_.loop_step, &loop_.result] {
            self.visit(part, depth)?;
        }
        self.loops -= 1;
        self.bound.truncate(before);
        Ok(())
    }

    fn function(
        &self,
        name: &str,
        target: Option<&IdedExpr>,
        arguments: &[IdedExpr],
    ) -> Result<(), ExpressionRefused> {
        let is_operator = !name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !is_operator && !FUNCTIONS.contains(&name) {
            let known = FUNCTIONS.join(", ");
            return Err(ExpressionRefused::UnknownFunction { name: name.to_owned(), known });
        }
        if name == "matches" {
            let pattern = if target.is_some() { arguments.first() } else { arguments.get(1) };
            return self.pattern(pattern);
        }
        Ok(())
    }

    fn pattern(&self, pattern: Option<&IdedExpr>) -> Result<(), ExpressionRefused> {
        let refused = |problem: &str| Err(ExpressionRefused::Pattern { problem: problem.to_owned() });
        let Some(Expr::Literal(LiteralValue::String(pattern))) = pattern.map(|pattern| &pattern.expr) else {
            return refused("it is not written out");
        };
        if self.loops > 0 {
            return refused("it would be compiled for each element");
        }
        // The engine of the expressions itself says whether it takes the pattern.
        let mut context = Context::default();
        context.add_variable_from_value("pattern", pattern.inner().to_owned());
        let tried = Program::compile("''.matches(pattern)").map(|program| program.execute(&context));
        match tried {
            Ok(Ok(Value::Bool(_))) => Ok(()),
            Ok(Err(error)) => refused(&error.to_string()),
            _ => refused("it cannot be compiled"),
        }
    }

    /// A variable as a whole.
    fn name(&mut self, name: &str) -> Result<(), ExpressionRefused> {
        if self.bound.contains(&name) || name.starts_with('@') {
            return Ok(());
        }
        match name {
            "claims" => self.needs.claims = Members::All,
            "identity" => self.needs.identity = true,
            "request" => (self.needs.request, self.needs.path) = (true, true),
            "client_certificate" => self.needs.certificate = true,
            // Names of types, for `type(x) == string`.
            "int" | "uint" | "double" | "string" | "bool" | "list" | "map" | "null_type" => {}
            _ => return Err(ExpressionRefused::UnknownName { name: name.to_owned() }),
        }
        Ok(())
    }

    fn member(&mut self, root: &str, member: &str) -> Result<(), ExpressionRefused> {
        let Some((of, members)) = VARIABLES.into_iter().find(|(name, _)| *name == root) else {
            return self.name(root);
        };
        if of == "claims" {
            self.needs.claims.add(member);
            return Ok(());
        }
        if !members.contains(&member) {
            let known = members.join(", ");
            return Err(ExpressionRefused::UnknownMember { of, member: member.to_owned(), known });
        }
        match of {
            "identity" => self.needs.identity = true,
            "client_certificate" => self.needs.certificate = true,
            _ => {
                self.needs.request = true;
                self.needs.path |= member == "path";
            }
        }
        Ok(())
    }
}

/// `claims.name`, `has(claims.name)` or `claims["name"]`.
fn member_of_variable(expression: &IdedExpr) -> Option<(&str, &str)> {
    match &expression.expr {
        Expr::Select(select) => match &select.operand.expr {
            Expr::Ident(root) => Some((root, &select.field)),
            _ => None,
        },
        Expr::Call(call) if call.func_name == "_[_]" => match call.args.as_slice() {
            [of, key] => match (&of.expr, &key.expr) {
                (Expr::Ident(root), Expr::Literal(LiteralValue::String(key))) => Some((root, key.inner())),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
