package app

import (
	"context"
	"errors"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/ingest"
	"quell/ingest/hook"
	"quell/web"
)

// hookMemoryBytes bounds the bodies of webhook sources that are worked on together.
const hookMemoryBytes = 64 << 20

// hooks makes the server of webhook sources.
func (a *App) hooks() *hook.Server {
	return hook.New(hook.Config{
		Sources:    func() map[string]*hook.Source { return a.current.Load().hooks },
		Body:       ingest.BodyConfig{MemoryBytes: hookMemoryBytes},
		Now:        a.options.wall,
		Quarantine: a.quarantine,
		Local:      web.Local,
	}, submitter{a}, a.reg, a.log)
}

// hooksOf are the sources of a configuration by their names.
func hooksOf(list []*hook.Source) map[string]*hook.Source {
	all := make(map[string]*hook.Source, len(list))
	for _, s := range list {
		all[s.Name] = s
	}
	return all
}

// webhookStatus tells how each webhook source does.
func (a *App) webhookStatus() []web.WebhookStatus {
	if a.posts == nil {
		return nil // nothing is served
	}
	var list []web.WebhookStatus
	for _, s := range a.posts.Standings() {
		shown := web.WebhookStatus{Webhook: s.Name}
		if !s.Taken.IsZero() {
			at := plain(s.Taken)
			shown.LastTaken = &at
		}
		if r := s.Refused; r != nil {
			shown.LastRefused = &web.RefusedStatus{At: plain(r.At), Reason: r.Reason, Error: r.Text, From: r.From, Code: r.Code, InARow: r.InARow}
		}
		list = append(list, shown)
	}
	return list
}

// SubmitReports blocks until the reports are durable, as Submit does.
func (s submitter) SubmitReports(ctx context.Context, reports []hook.Report) error {
	for len(reports) > 0 {
		n := min(len(reports), stepInputs)
		err := s.a.loop.submitReports(ctx, reports[:n])
		if errors.Is(err, errDegraded) {
			s.a.safe.page(inputsOf(reports))
		}
		if err != nil {
			return err
		}
		reports = reports[n:]
	}
	return nil
}

func inputsOf(reports []hook.Report) []correlate.Input {
	inputs := make([]correlate.Input, len(reports))
	for i := range reports {
		inputs[i] = reports[i].Input
	}
	return inputs
}

// submitReports is submit for reports that count only if an alert fires. That is decided in the loop, when it is known what all that came before
// made of it; so the journal holds what counted, and a replay need not decide again.
func (l *loop) submitReports(ctx context.Context, reports []hook.Report) error {
	r := &request{inputs: inputsOf(reports), done: make(chan error, 1)}
	r.check = func(e *correlate.Engine) error {
		r.inputs = l.pertinent(e, reports)
		return nil
	}
	return l.do(ctx, r)
}

// pertinent are the inputs of reports that count. What fires in the same batch is not known to the engine yet.
func (l *loop) pertinent(e *correlate.Engine, reports []hook.Report) []correlate.Input {
	inputs := make([]correlate.Input, 0, len(reports))
	told := make(map[model.Fingerprint]bool)
	for _, r := range reports {
		a, ok := r.Input.(*correlate.Alert)
		if ok && r.IfFiring && !told[a.Fingerprint] && !e.Fires(a.Fingerprint) {
			if _, fresh := l.fresh[a.Fingerprint]; !fresh {
				continue
			}
		}
		if ok {
			told[a.Fingerprint] = true
		}
		inputs = append(inputs, r.Input)
	}
	return inputs
}
