package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/routing"
)

func TestLoadReadsEscalationPolicies(t *testing.T) {
	c := load(t, write(t, fullFiles))
	want := []routing.Policy{{
		Name: "nobody-sleeps", Repeats: 2, RepeatWait: time.Hour, DeliverWithin: 90 * time.Second,
		Steps: []routing.Step{
			{Receivers: []string{"team"}, Notice: true, Wait: 10 * time.Minute, Hours: routing.Hours{Active: []string{"office"}}},
			{Receivers: []string{"oncall", "team"}, Hours: routing.Hours{Mute: []string{"holidays"}}},
		},
	}}
	if diff := cmp.Diff(want, c.Escalations); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	for at, want := range map[time.Time][2]bool{ // whether it is office hours, and holidays
		time.Date(2026, 11, 20, 7, 59, 0, 0, time.UTC): {false, false}, // Berlin is an hour ahead
		time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC):  {true, false},
		time.Date(2026, 7, 31, 15, 29, 0, 0, time.UTC): {true, true}, // and two in summer
		time.Date(2026, 7, 31, 15, 30, 0, 0, time.UTC): {false, true},
		time.Date(2031, 1, 1, 12, 0, 0, 0, time.UTC):   {true, false},
	} {
		r := c.Routing()
		for k, name := range []string{"office", "holidays"} {
			if _, got := r.Opens(at, 0, routing.Hours{Active: []string{name}}); got != want[k] {
				t.Errorf("%v is in %s: got %v", at, name, got)
			}
		}
	}
}

// Each is what a user of `quell check` sees of one mistake.
func TestCheckFindsEscalationsThatReachNobody(t *testing.T) {
	const receivers = `
receivers:
  - {name: oncall, pagerduty_configs: [{routing_key_file: pd.key}]}
  - {name: team, slack_configs: [{token_file: pd.key, channel: "#ops"}]}
  - {name: nobody}
`
	policy := func(rest string) string {
		return "route: {receiver: oncall, escalation: p, routes: [{matchers: [a=b], receiver: team}, {matchers: [a=c], receiver: nobody}]}\nescalation_policies: [{name: p, " + rest + "}]"
	}
	for text, want := range map[string]string{
		policy(`steps: [{receiver: oncal}]`):                                           `unknown receiver "oncal" (did you mean oncall?)`,
		policy(`steps: [{receiver: nobody}]`):                                          `receiver "nobody" has no integration, so the step tells nobody`,
		policy(`steps: [{receiver: oncall, notify: notice}]`):                          `receiver "oncall" has no chat, so it gets no notices`,
		policy(`steps: []`):                                                            `the policy has no steps, so nobody would be told`,
		policy(`steps: [{wait: 5m}]`):                                                  `the step tells nobody`,
		policy(`steps: [{receiver: team}, {receiver: oncall}]`):                        `a step before the last one has no wait`,
		policy(`steps: [{receiver: team, wait: 5m}]`):                                  `nothing follows the last step`,
		policy(`steps: [{receiver: team}], repeat: {limit: 2}`):                        `key "wait" is missing`,
		policy(`steps: [{receiver: team}], acknowledge_timeout: 5m`):                   `an acknowledgement is one of the incident`,
		policy(`steps: [{receiver: team, active_time_intervals: [offce]}]`):            `unknown time interval "offce"`,
		policy(`steps: [{receiver: team}]}, {name: p, steps: [{receiver: team}]`):      `second escalation policy of name "p"`,
		policy(`steps: [{receiver: team}]}, {name: q, steps: [{receiver: team}]`):      `escalation policy "q" is not used`,
		`route: {receiver: oncall, escalation: q}`:                                     `unknown escalation policy "q"`,
		`route: {receiver: oncall, routes: [{receiver: team, escalation: q}]}`:         `the route has both a receiver and an escalation`,
		`route: {receiver: oncall, mute_time_intervals: [n]}`:                          `an incident of other hours would be told to nobody`,
		"route: {receiver: oncall}\ntime_intervals: [{name: n, time_intervals: [{}]}]": `time interval "n" is not used`,
		policy(`steps: [{receiver: team, active_time_intervals: [n], mute_time_intervals: [n]}]`) + "\ntime_intervals: [{name: n, time_intervals: [{years: ['2020']}]}]":        `nobody is told here: its hours do not begin within 400 days`,
		policy(`steps: [{receiver: team, active_time_intervals: [n]}]`) + "\ntime_intervals: [{name: n, time_intervals: [{times: [{start_time: '17:00', end_time: '9:00'}]}]}]": `an interval over midnight is two`,
		policy(`steps: [{receiver: team, active_time_intervals: [n]}]`) + "\ntime_intervals: [{name: n, time_intervals: [{weekdays: [funday]}]}]":                               `write monday or 'monday:friday'`,
		policy(`steps: [{receiver: team, active_time_intervals: [n]}]`) + "\ntime_intervals: [{name: n, time_intervals: [{location: Mars/X}]}]":                                 `unknown time zone Mars/X`,
		policy(`steps: [{receiver: team, active_time_intervals: [n]}]`) + "\ntime_intervals: [{name: n, time_intervals: [{days_of_month: [0]}]}]":                               `write 1, '1:5', or -1 for the last`,
	} {
		text = strings.TrimPrefix(strings.TrimSuffix(text, "]}]}]}X"), "")
		if strings.HasPrefix(text, "{") {
			text = strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}")
			text = strings.Replace(text, ", time_intervals", "\ntime_intervals", 1)
		}
		c, err := Parse("q.yml", []byte(text+receivers), write(t, map[string]string{"pd.key": "k"}))
		var got []string
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		} else {
			for _, w := range c.Warnings {
				got = append(got, w.String())
			}
		}
		if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("%s\ngot %q, want %q", text, got, want)
		}
	}
}
