package app

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/storage"
	"quell/web"
)

// silenceFor is a silence of one alert from now on, by ada.
func (b *bench) silenceFor(lasts time.Duration, alert string) *correlate.Silence {
	in := &correlate.Silence{By: "ada"}
	in.Matchers = labels.Matchers{{Type: labels.MatchEqual, Name: "alertname", Value: alert}}
	in.StartsAt, in.CreatedBy = time.Now(), "ada"
	in.EndsAt = in.StartsAt.Add(lasts)
	return in
}

// TestSilencesOutliveARestartAndEnd silences an alert, restarts, and looks who is paged when.
func TestSilencesOutliveARestartAndEnd(t *testing.T) {
	inBubble(t, func(b *bench) {
		api := func() backend { return backend{&App{loop: b.loop, store: b.store}} }
		id, err := api().PutSilence(context.Background(), b.silenceFor(time.Hour, "Down"), "10.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		b.mustPost(firing("Down", "service/web"))
		b.rest(20 * time.Minute)
		b.restart()
		list, err := api().Silences(context.Background())
		if err != nil || len(list) != 1 || list[0].ID != id || list[0].Alerts != 1 || list[0].State != silence.Active {
			t.Fatalf("got %+v, %v", list, err)
		}
		inc, err := api().Incident(context.Background(), 1)
		if err != nil || inc.State != correlate.Held || inc.Silenced == nil || inc.Silenced.By[0].ID != id || !inc.Silenced.All {
			t.Fatalf("got %+v, %v", inc, err)
		}
		b.rest(39 * time.Minute)
		if inc, _ := api().Incident(context.Background(), 1); inc.State != correlate.Held {
			t.Errorf("before the end of the silence it is %s", inc.State)
		}
		b.rest(3 * time.Minute)
		if inc, _ := api().Incident(context.Background(), 1); inc.State != correlate.Escalated || inc.Silenced != nil {
			t.Errorf("after the end of the silence it is %s, silenced %v", inc.State, inc.Silenced)
		}
		b.checkReplay()
	})
}

// TestSilencesChangeWithoutChangingThePast changes a silence in place, and then in what it is about, which makes another one of it.
func TestSilencesChangeWithoutChangingThePast(t *testing.T) {
	inBubble(t, func(b *bench) {
		api := backend{&App{loop: b.loop, store: b.store}}
		put := func(in *correlate.Silence) string {
			t.Helper()
			id, err := api.PutSilence(context.Background(), in, "10.0.0.1:1")
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		in := b.silenceFor(time.Hour, "Down")
		first := put(in)
		in.ID, in.EndsAt = first, in.EndsAt.Add(time.Hour)
		if id := put(in); id != first {
			t.Errorf("a longer one got the id %s, was %s", id, first)
		}
		in.Matchers = b.silenceFor(0, "Slow").Matchers
		second := put(in)
		if list, _ := api.Silences(context.Background()); second == first || len(list) != 2 {
			t.Errorf("got %s of %s, and %d silences", second, first, len(list))
		}
		if err := api.ExpireSilence(context.Background(), second, "bob", "10.0.0.2:1"); err != nil {
			t.Error(err)
		}
		if _, conflict := errors.AsType[*web.ConflictError](api.ExpireSilence(context.Background(), first, "bob", "")); !conflict {
			t.Error("the first one did not end with its change")
		}
		for err, bad := range map[error]func(*correlate.Silence){
			web.ErrUnknownSilence: func(s *correlate.Silence) { s.ID = "x" },
			web.ErrNotFound:       func(s *correlate.Silence) { s.Incident = 77 },
		} {
			asked := b.silenceFor(time.Hour, "Down")
			bad(asked)
			if _, got := api.PutSilence(context.Background(), asked, ""); !errors.Is(got, err) {
				t.Errorf("got %v, want %v", got, err)
			}
		}
		_, err := api.PutSilence(context.Background(), b.silenceFor(100*24*time.Hour, "Down"), "")
		if _, broad := errors.AsType[*silence.BroadError](err); !broad {
			t.Errorf("got %v", err)
		}
		var audit []string
		_ = b.store.Scan(storage.Audit, nil, nil, func(_, v []byte) error {
			var e auditEntry
			if err := json.Unmarshal(v, &e); err != nil {
				return err
			}
			audit = append(audit, e.Action+" by "+e.By+" from "+e.From+": "+e.Detail)
			return nil
		})
		all := strings.Join(audit, "\n")
		for _, want := range []string{`silence by ada from 10.0.0.1:1: {alertname="Down"} until 2`, `silence by ada from 10.0.0.1:1: {alertname="Slow"} until 2`, "expire-silence by bob from 10.0.0.2:1: "} {
			if !strings.Contains(all, want) {
				t.Errorf("the audit log has no %q:\n%s", want, all)
			}
		}
		b.checkReplay()
	})
}
