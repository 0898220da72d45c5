package config

// Kinds of problems, as docs/checking.md describes them. Those of the form of a file have none.
const (
	kindUnreadable     = "unreadable-file"
	kindNoFile         = "no-file"
	kindSecret         = "bad-secret"
	kindOpenSecret     = "open-secret"
	kindTemplate       = "bad-template"
	kindUnusedReceiver = "unused-receiver"
	kindEmptyReceiver  = "empty-receiver"
	kindUnusedPolicy   = "unused-policy"
	kindUnusedInterval = "unused-interval"
	kindNeverOpen      = "never-open"
	kindNoEffect       = "no-effect"
)
