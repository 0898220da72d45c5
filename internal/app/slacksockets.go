package app

import (
	"context"
	"slices"
	"sync"

	"quell/ingest/callback"
	"quell/internal/secret"
	"quell/web"
)

// slackSockets keeps a socket open for each app of Slack's that is configured to use one now.
type slackSockets struct {
	app   *App
	slack *callback.Slack
	// changed is sent to when a configuration came into force. When it is full, one is looked at soon anyway.
	changed chan struct{}

	mu      sync.Mutex
	running map[slackApp]*slackSocket
}

// slackApp is what tells apps with sockets apart.
type slackApp struct {
	token  secret.Text
	apiURL string
}

// slackSocket is one that runs.
type slackSocket struct {
	socket *callback.SlackSocket
	part   *part
}

func newSlackSockets(a *App, s *callback.Slack) *slackSockets {
	return &slackSockets{app: a, slack: s, changed: make(chan struct{}, 1), running: make(map[slackApp]*slackSocket)}
}

// wake has the configuration looked at.
func (k *slackSockets) wake() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// run keeps sockets as the configuration in force says until ctx ends, and closes them.
func (k *slackSockets) run(ctx context.Context) error {
	for {
		k.adopt(k.app.slackPlaces())
		select {
		case <-ctx.Done():
			k.adopt(nil)
			return nil
		case <-k.changed:
		}
	}
}

// adopt closes the sockets of apps that are configured no longer, and opens those of new ones.
func (k *slackSockets) adopt(places []callback.SlackPlace) {
	want := make(map[slackApp]callback.SlackPlace)
	for _, p := range places {
		if p.AppToken != "" {
			want[slackApp{p.AppToken, p.APIURL}] = p
		}
	}
	k.mu.Lock()
	var over []*part
	for app, s := range k.running {
		if _, wanted := want[app]; !wanted {
			over = append(over, s.part)
			delete(k.running, app)
		}
	}
	for app, p := range want {
		if k.running[app] == nil {
			socket := k.slack.Socket(p)
			// goroutine: ended by stop, below or when run ends.
			k.running[app] = &slackSocket{socket, newGroup(context.Background()).start("socket to Slack", socket.Run)}
		}
	}
	k.mu.Unlock()
	var ends sync.WaitGroup
	for _, p := range over {
		ends.Go(p.stop) // each lets actions under way finish
	}
	ends.Wait()
}

// status tells how all sockets do, in the order of the configuration.
func (k *slackSockets) status() []web.SlackSocketStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []web.SlackSocketStatus
	var apps []slackApp // those of list
	for _, r := range k.app.current.Load().config.Receivers {
		for i := range r.Slack {
			app := slackApp{r.Slack[i].AppToken, r.Slack[i].APIURL}
			if s := k.running[app]; s != nil && !slices.Contains(apps, app) {
				st := s.socket.Status()
				v := web.SlackSocketStatus{Connected: st.Connected, Connects: st.Connects, Error: st.Error}
				if !st.Since.IsZero() {
					since := plain(st.Since)
					v.Since = &since
				}
				list, apps = append(list, v), append(apps, app)
			}
			if at := slices.Index(apps, app); at >= 0 {
				list[at].Channels = append(list[at].Channels, r.Slack[i].Channel)
			}
		}
	}
	return list
}
