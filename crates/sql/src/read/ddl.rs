//! Statements that change catalogs, and all the rest.

use pg_raw_parse::Node;
use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{
    CreateStmt, CreateTableAsStmt, DropStmt, ObjectType, RangeVar, RenameStmt, ViewStmt,
};

use super::call::last_two;
use super::found::Made;
use super::{Reader, Unreadable};
use crate::place::Why;
use crate::setting::{Change, Scope, Setting};
use crate::verb::Verb;

impl<'a> Reader<'a> {
    /// What is no other kind of statement changes catalogs. Nothing is missed when it does not: it only costs the
    /// caches what they know.
    pub(super) fn ddl(&mut self, node: Node<'a>) -> Result<Verb, Unreadable> {
        self.writes(Why::Verb);
        if let Some(verb) = self.other(node) {
            return Ok(verb);
        }
        self.makes_relation(node)?;
        Ok(Verb::Ddl)
    }

    /// Statements that change neither rows nor what catalogs say of tables and functions.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the grammar's 270 nodes; the rest changes catalogs")]
    fn other(&mut self, node: Node<'a>) -> Option<Verb> {
        match node {
            Node::VacuumStmt(vacuum) => {
                for table in vacuum.rels() {
                    self.target(table.relation());
                }
            }
            Node::ClusterStmt(cluster) => self.target(cluster.relation()),
            Node::ReindexStmt(reindex) => self.target(reindex.relation()),
            // A library may do anything to the process that loads it.
            Node::LoadStmt(_) => {
                self.found.sets.push(Setting { scope: Scope::Session, change: Change::Unknown });
            }
            Node::CheckPointStmt(_) | Node::AlterSystemStmt(_) => {}
            _ => return None,
        }
        Some(Verb::Other)
    }

    /// Relations that come into being.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; the rest is tried further on"
    )]
    fn makes_relation(&mut self, node: Node<'a>) -> Result<(), Unreadable> {
        match node {
            Node::CreateTableAsStmt(create) => self.table_as(create),
            Node::ViewStmt(view) => self.view(view),
            Node::CreateStmt(create) => self.table(create)?,
            // The parser library does not show CREATE FOREIGN TABLE.
            Node::Invalid(_) => self.found.temporary = Made::Unknown,
            Node::CreateSeqStmt(create) => self.makes(create.sequence()),
            Node::CompositeTypeStmt(create) => self.makes(create.typevar()),
            Node::CreateEnumStmt(create) => self.makes_named(create.type_name().iter().map(|s| s.sval())),
            Node::CreateRangeStmt(create) => self.makes_named(create.type_name().iter().map(|s| s.sval())),
            Node::CreateDomainStmt(create) => self.makes_named(create.domainname().iter().map(|s| s.sval())),
            Node::DefineStmt(create) => self.makes_named(create.defnames().iter().map(|s| s.sval())),
            Node::CreateFunctionStmt(create) => self.makes_named(create.funcname().iter().map(Node::as_str)),
            _ => return self.changes_relation(node),
        }
        Ok(())
    }

    /// Relations that are there already.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the grammar's 270 nodes; others have no relations")]
    fn changes_relation(&mut self, node: Node<'a>) -> Result<(), Unreadable> {
        match node {
            Node::TruncateStmt(truncate) => self.targets(truncate.relations()),
            Node::RefreshMatViewStmt(refresh) => self.target(refresh.relation()),
            Node::AlterTableStmt(alter) => self.target(alter.relation()),
            Node::AlterSeqStmt(alter) => self.target(alter.sequence()),
            Node::AlterOwnerStmt(alter) => self.target(alter.relation()),
            Node::AlterObjectSchemaStmt(alter) => self.target(alter.relation()),
            Node::AlterObjectDependsStmt(alter) => self.target(alter.relation()),
            Node::RenameStmt(rename) => self.rename(rename)?,
            Node::DropStmt(drop) => self.drop_of(drop),
            Node::IndexStmt(index) => self.target(index.relation()),
            Node::CreateTrigStmt(trigger) => self.target(trigger.relation()),
            Node::RuleStmt(rule) => self.target(rule.relation()),
            Node::CreatePolicyStmt(policy) => self.target(policy.table()),
            Node::AlterPolicyStmt(policy) => self.target(policy.table()),
            _ => {}
        }
        Ok(())
    }

    fn table_as(&mut self, create: &'a CreateTableAsStmt) {
        self.makes(create.into().and_then(|into| into.rel()));
        if let Node::ExecuteStmt(execute) = create.query() {
            self.list(execute.params());
            self.found.filled_by = execute.name();
        } else {
            self.push(create.query());
        }
    }

    fn view(&mut self, view: &'a ViewStmt) {
        self.makes(view.view());
        self.push(view.query());
    }

    /// A child of a temporary table is temporary, and a table made after another one is not: both are read.
    fn table(&mut self, create: &'a CreateStmt) -> Result<(), Unreadable> {
        self.makes(create.relation());
        for parent in create.inh_relations() {
            if let Node::RangeVar(parent) = parent {
                self.reads(parent)?;
            }
        }
        Ok(())
    }

    /// A renamed relation is read under its old name: when that is temporary, the new one is too.
    fn rename(&mut self, rename: &'a RenameStmt) -> Result<(), Unreadable> {
        let Some(relation) = rename.relation() else { return Ok(()) };
        self.target(Some(relation));
        let is_relation = matches!(
            rename.rename_type,
            ObjectType::OBJECT_TABLE
                | ObjectType::OBJECT_VIEW
                | ObjectType::OBJECT_MATVIEW
                | ObjectType::OBJECT_SEQUENCE
                | ObjectType::OBJECT_INDEX
                | ObjectType::OBJECT_FOREIGN_TABLE
        );
        if let Some(name) = rename.newname().filter(|_| is_relation) {
            self.reads(relation)?;
            self.found.writes.push((relation.schemaname(), name));
            if is_temporary(relation) {
                self.found.makes_temporary(name);
            }
        }
        Ok(())
    }

    fn drop_of(&mut self, drop: &'a DropStmt) {
        let is_relation = matches!(
            drop.remove_type,
            ObjectType::OBJECT_TABLE
                | ObjectType::OBJECT_VIEW
                | ObjectType::OBJECT_MATVIEW
                | ObjectType::OBJECT_SEQUENCE
                | ObjectType::OBJECT_INDEX
                | ObjectType::OBJECT_FOREIGN_TABLE
        );
        for object in drop.objects().iter().filter(|_| is_relation) {
            if let Node::NodeList(name) = object {
                self.found.writes.extend(last_two(name));
            }
        }
    }

    /// A relation comes into being.
    pub(super) fn makes(&mut self, relation: Option<&'a RangeVar>) {
        self.target(relation);
        if let Some(name) =
            relation.filter(|relation| is_temporary(relation)).and_then(|table| table.relname())
        {
            self.found.makes_temporary(name);
        }
    }

    /// Something with a name in a schema comes into being: it is temporary when the schema is.
    fn makes_named(&mut self, parts: impl DoubleEndedIterator<Item = Option<&'a str>>) {
        let mut parts = parts.rev();
        let (name, schema) = (parts.next().flatten(), parts.next().flatten());
        if schema.is_some_and(is_temporary_schema) {
            name.into_iter().for_each(|name| self.found.makes_temporary(name));
        }
    }

    pub(super) fn targets(&mut self, relations: &'a NodeList) {
        for relation in relations {
            if let Node::RangeVar(relation) = relation {
                self.target(Some(relation));
            }
        }
    }
}

/// By the word TEMPORARY, or by its schema.
fn is_temporary(relation: &RangeVar) -> bool {
    /// `RELPERSISTENCE_TEMP` of PostgreSQL's `pg_class`.
    const TEMPORARY: u8 = b't';
    relation.relpersistence.to_ne_bytes() == [TEMPORARY]
        || relation.schemaname().is_some_and(is_temporary_schema)
}

fn is_temporary_schema(schema: &str) -> bool {
    schema.starts_with("pg_temp")
}
