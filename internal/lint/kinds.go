package lint

// Kind is a kind of finding. Names are stable: tools and people refer to them.
type Kind struct {
	Name     string
	Severity Severity
	// Summary says in one line what is wrong.
	Summary string
}

// Names of kinds. Those that package config gives are named there.
const (
	kindInvalid       = "invalid"
	kindNever         = "never-matches"
	kindHidden        = "hidden-rule"
	kindUnreachable   = "unreachable-route"
	kindUnknownLabel  = "unknown-label"
	kindOverMax       = "hold-over-max"
	kindOutlasts      = "hold-outlasts-alert"
	kindLate          = "hold-outlasts-escalation"
	kindInhibit       = "inhibits-nothing"
	kindUnknownType   = "unknown-type"
	kindUnknownKind   = "unknown-kind"
	kindOdd           = "odd-value"
	kindBroad         = "too-broad"
	kindUnknownChange = "unknown-change"
	kindUnknownReason = "unknown-reason"
	kindOverride      = "overrides-pack"
	kindOther         = "warning"
)

// Kinds are all kinds, those of problems of the form first. docs/checking.md describes each.
var Kinds = []Kind{
	{kindInvalid, Error, "A file breaks the rules of its form"},
	{"unreadable-file", Error, "A file that the configuration names cannot be read"},
	{"bad-secret", Error, "A secret is missing, empty, or more than one word"},
	{"bad-template", Error, "A template cannot be rendered"},
	{"no-file", Warning, "A pattern matches no file"},
	{"open-secret", Warning, "Everybody on the machine can read a secret"},
	{"unused-receiver", Warning, "Nothing names a receiver"},
	{"empty-receiver", Warning, "A receiver tells nobody"},
	{"unused-policy", Warning, "Nothing names an escalation policy"},
	{"unused-interval", Warning, "Nothing names a time interval"},
	{"never-open", Warning, "A route or step is never in its hours"},
	{"no-effect", Warning, "A setting has no effect without another"},
	{kindOther, Warning, "Something is odd"},
	{kindNever, Warning, "Matchers contradict each other"},
	{kindHidden, Warning, "An earlier rule takes all that a rule matches"},
	{kindUnreachable, Warning, "An earlier route takes all that a route matches"},
	{kindBroad, Warning, "A rule keeps every alert from paging"},
	{kindUnknownLabel, Warning, "A matcher names a label that nothing has"},
	{kindOdd, Warning, "A value is written as another notation has it"},
	{kindUnknownKind, Warning, "A kind of entities is misspelt, plural or short"},
	{kindUnknownType, Warning, "A dependency is of a type that nothing describes"},
	{kindUnknownChange, Warning, "A rule expects a change that nothing tells of"},
	{kindUnknownReason, Warning, "A rule ends symptoms of a misspelt reason"},
	{kindOutlasts, Warning, "A hold lasts longer than the alert that it is for"},
	{kindLate, Warning, "A hold lasts longer than the whole escalation after it"},
	{kindInhibit, Warning, "An inhibition's source and target are the same alerts"},
	{kindOverMax, Info, "A hold is longer than hold.max"},
	{kindOverride, Info, "A rule has the name of a pack's rule"},
}
