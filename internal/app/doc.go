// Package app wires quell together: it opens the store, loads the engine, runs the loop that owns it, and starts and stops
// everything else. It owns every goroutine of the process except the workers inside Run methods.
//
// The loop is the heart. Requests that arrive while a commit is under way form the next batch; a batch is one step of the engine,
// one record of the journal and one transaction, and only then does every sender in it get its answer. Deliveries are handed to
// the dispatcher after the commit that holds them. When the store cannot be written, senders are refused, critical alerts go
// straight to their receivers, and what the engine decides by itself is delivered first and stored as soon as that is possible
// again (see safemode.go).
//
// # Where to find what
//
// To read it in the order of events: [Run] in app.go opens the store and starts with the configuration that lastgood.go chooses; begin.go
// restores what an earlier process left. An alert comes from the HTTP server to the submitter in app.go, waits in loop.go for the next batch,
// becomes changes and deliveries in step.go, and once these are stored its sender has its answer. The outcome of each delivery comes back
// in results.go. The files, room by room:
//
// Start and stop:
//
//	app.go               what runs, in which order it starts and stops, and the HTTP server
//	begin.go             what an earlier process left, and the first step
//	group.go             the running parts, which are stopped one by one
//	jobs.go              periodic work
//	audit.go             who did what, when, from where
//	access.go            who may ask what
//
// The loop:
//
//	loop.go              requests become batches, batches steps, and steps are stored
//	step.go              a step on its way to the store: rows, deliveries, history
//	touches.go           alerts that say nothing new, which cost no write
//	results.go           how deliveries ended
//	clock.go             logical time, which never goes back
//	safemode.go          what is done when the work cannot be done: the store is full, or the engine panics
//	conditions.go        what quell says about itself, until it is over
//	metrics.go           the loop's metrics
//
// The configuration in force:
//
//	setup.go             a configuration with everything built from it, and an engine for it
//	reload.go            files are read, and what they say is put in force or refused
//	watchconfig.go       notices files that change, once they have settled
//	lastgood.go          what was last in force, for when the files are wrong
//	configstatus.go      what is in force, for readers
//	rulefaults.go        expressions in rules that fail
//
// What it listens to besides HTTP:
//
//	clusters.go          Kubernetes clusters, watched
//	graphs.go            service graphs, polled
//	sources.go           topology that a configuration declares, and takes back
//	hooks.go             webhooks of any JSON
//	heartbeats.go        who is expected to report
//	slacksockets.go      WebSocket connections to Slack
//
// People who act, at receivers and through the API:
//
//	callbacks.go         what people do at the receivers of pages
//	slackdesk.go         what Slack's buttons and dialogs ask for
//	silences.go          silences made, changed and ended
//	honesty.go           feedback, and figures about what waiting achieved
//
// Readers:
//
//	backend.go           the API: incidents, why, neighbourhoods, status
//	readers.go           tools that take quell for an Alertmanager
//	deliveries.go        what is waiting, what was given up, and trying it again
//	journal.go           the journal, for backtests elsewhere
//
// Failed deliveries, and quell's own death:
//
//	deadletters.go       deliveries that were given up
//	deadman.go           the dead man's switch: a round trip through everything that a page depends on
//	deadmanmetrics.go    its metrics
//
// Digests:
//
//	digests.go           when one is due, and how it is made
//	digestmarks.go       what is remembered about each
//	digestlinks.go       where links in a digest lead
package app
