package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMistakesAreExplainedWhereTheyAre compiles what people get wrong. The place of each problem is marked by »; want is what they read.
func TestMistakesAreExplainedWhereTheyAre(t *testing.T) {
	for marked, want := range map[string]string{
		`»lables.pod == "x"`:                       `unknown name "lables" (did you mean labels?)`,
		`»entity.nme == "x"`:                       `unknown name "entity.nme" (did you mean entity.name?)`,
		`»entity == "x"`:                           `unknown name "entity" (there are entity.kind, entity.name)`,
		`labels.pod == »pod`:                       `unknown name "pod" (the label is labels.pod, the text "pod")`,
		`labels.pod.»startWith("x")`:               `unknown name "startWith" (did you mean startsWith?)`,
		`labels.»exists("pod")`:                    `exists does not take that (loops have a name and a condition, such as labels.exists(x, x.startsWith("app")); docs/expressions.md has all forms)`,
		`»value > 5`:                               `unknown name "value" (the label is labels.value, the text "value")`,
		`contains»(labels.pod, "x")`:               `contains does not take text and text (write it behind the text: labels.pod.contains("x"))`,
		`»foo(1)`:                                  `unknown name "foo" (there are labels, severity, entity.kind, entity.name, body, n)`,
		`labels.pod »= "x"`:                        `there is no single = in expressions (write == to compare)`,
		`labels.pod == "a = b" »& true`:            `there is no single & in expressions (write && for and)`,
		`severity == "x" »and true`:                `there is no "and" in expressions (write &&)`,
		`labels.pod »=~ "x"`:                       `there is no =~ in expressions (write labels.pod.matches("^cart-.*$"), or use matchers)`,
		`»{{ .Labels.pod }}`:                       `an expression is no template (write labels.pod, and join texts by +)`,
		`»$labels.pod == "x"`:                      `there is no $ in expressions (name variables as they are: labels.pod)`,
		"labels.ä == »“x”":                         `these quotes are for letters, not for code (write "text")`,
		`labels.pod »== 1`:                         `cannot compare by ==: text with a whole number (labels are texts: put numbers in quotes, or write int(labels.x))`,
		`labels »== "x"`:                           `cannot compare by ==: a map of texts with text`,
		`labels.pod »+ 1`:                          `cannot add text and a whole number (make texts of both: string(x))`,
		`labels.pod.startsWith»(1)`:                `startsWith does not take a whole number for text`,
		`labels»[1] == "x"`:                        `the name of a label is a text, got a map of texts, a whole number`,
		`labels.pod».x == "a"`:                     `nothing is behind the dot: text has no parts`,
		`»severity && true`:                        `want true or false, got text (compare it with something)`,
		`»!labels.pod`:                             `! wants true or false, got text (compare it with something)`,
		`»labels.pod`:                              `the expression gives text, want true or false (compare it with something)`,
		`(labels.pod == "x"»`:                      `the expression ends too early (close what is open: a parenthesis, a bracket or a quote)`,
		`»"abc`:                                    `text without an end (close the quote)`,
		`labels.pod == "x" »)`:                     `unexpected ")"`,
		`labels.pod.matches(»labels.team)`:         `the regular expression is not a text in quotes (regular expressions are compiled once, so they cannot be made of values)`,
		`labels.pod.matches(»"(")`:                 "bad regular expression: missing closing ): `(`",
		`labels.pod.matches(»"((a{90}){90}){90}")`: "bad regular expression: invalid repeat count: `{90}`",
		`labels.pod.matches(»"(a{90}){10}b{300}")`: "bad regular expression: it compiles to 1222 instructions, more than 1000",
		`parseTime(n) < timestamp(»"tomorrow")`:    `"tomorrow" is no time (write timestamp("2026-01-31T12:00:00Z"))`,
		`duration(»"5 m") == duration("1s")`:       `"5 m" is no duration (write duration("90s") or duration("1h30m"))`,
		`»body.x.all(a, body.x.all(b, body.x.all(c, a == b)))`: `the expression may cost 520488451, more than 1000000 ` +
			`(lists and maps are taken to have 128 items, texts 256 characters; loop over less, or look at less text)`,
		`body.x.all(a, body.x.all(b, body.x.all(c, body.x.all»(d, true))))`: `more than 3 loops inside of each other (loop over less)`,
		"»" + strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100):  `the expression is nested deeper than 64 (split it)`,
		"»" + strings.Repeat(`n>0||`, 2000) + "true":                        `the expression has more than 5000 parts (split it)`,
		"»" + strings.Repeat("a", MaxBytes+1):                               `expression of 16385 bytes is longer than 16384 (split it)`,
	} {
		text := strings.Replace(marked, "»", "", 1)
		_, err := testEnv.Compile(text, Bool)
		got, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%.80s: got %v, want %s", text, err, want)
			continue
		}
		if at := strings.Index(marked, "»"); got.Offset != at || got.Error() != want {
			t.Errorf("%.80s:\n got %d %s\nwant %d %s", text, got.Offset, got, at, want)
		}
	}
}

// TestEvaluationsThatFailSayWhere evaluates expressions that go wrong on these values.
func TestEvaluationsThatFailSayWhere(t *testing.T) {
	for marked, want := range map[string]string{
		`body».nope == 1`:              `there is no "nope" (for what may be missing write x.?nope.orValue(""))`,
		`body.nested».x == 1`:          `there is no "x" (for what may be missing write x.?x.orValue(""))`,
		`int»(labels.pod) > 1`:         `type conversion error from 'string' to 'int'`,
		`body.m »+ 1 > 2`:              `the values do not have the types for this (convert them: string(x), int(x), double(x))`,
		`»n > 0`:                       `"n" is not known here`,
		`body.z »/ 0 == 1`:             `division by zero`,
		`parseTime»(body.a) == body.a`: `"x" is no time`,
		`»body.a`:                      `the expression gives text, want true or false`,
	} {
		text := strings.Replace(marked, "»", "", 1)
		p, err := testEnv.Compile(text, Bool)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		_, err = p.Bool(testInput)
		got, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s: got %v, want %s", text, err, want)
			continue
		}
		if at := strings.Index(marked, "»"); got.Offset != at || got.Error() != want {
			t.Errorf("%s:\n got %d %s\nwant %d %s", text, got.Offset, got, at, want)
		}
	}
}

// TestOnlyKnownVariablesMayBeUsed narrows an environment.
func TestOnlyKnownVariablesMayBeUsed(t *testing.T) {
	narrow := testEnv.Only("labels", "entity.kind")
	if _, err := narrow.Compile(`labels.pod == "x" && entity.kind == "pod"`, Bool); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]Error{
		`labels.pod == "x" && severity == "y"`:    {21, `"severity" is not known here`, "there are labels, entity.kind"},
		`labels.pod == "x" && entity.name == "y"`: {21, `"entity.name" is not known here`, "there are labels, entity.kind"},
		`severty == "y"`:                          {0, `unknown name "severty"`, `the label is labels.severty, the text "severty"`},
	} {
		_, err := narrow.Compile(text, Bool)
		if got, ok := errors.AsType[*Error](err); !ok || *got != want {
			t.Errorf("%s:\n got %#v\nwant %#v", text, err, want)
		}
	}
}

// TestDemandsAreWhatAnExpressionSurelyNeeds reads equalities off conditions.
func TestDemandsAreWhatAnExpressionSurelyNeeds(t *testing.T) {
	demand := func(key string, values ...string) Demand { return Demand{"labels", key, values} }
	for text, want := range map[string][]Demand{
		`labels.team == "a"`: {demand("team", "a")},
		`"a" == labels["team"] && labels.pod in ["y", "x", "y"]`:          {demand("team", "a"), demand("pod", "x", "y")},
		`labels.a == "1" && (labels.b == "2" && n > 1) && severity == ""`: {demand("a", "1"), demand("b", "2")},
		`labels.a == "" || labels.b == "2"`:                               nil,
		`labels.a == ""`:                                                  nil,
		`labels.a in ["x", ""]`:                                           nil,
		`labels.a in ["x", labels.b]`:                                     nil,
		`!(labels.a == "x")`:                                              nil,
		`labels.a == labels.b`:                                            nil,
		`severity == "x"`:                                                 nil,
		`labels.a != "x"`:                                                 nil,
		`["a"].exists(labels, labels == "x")`:                             nil,
	} {
		p, err := testEnv.Compile(text, Bool)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, p.Demands()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
