// Package correlate is the pure core of quell: the vocabulary (inputs, incidents, effects) and the engine that turns
// alerts and events into incidents and decides what happens to them.
//
// The engine knows no clock, disk, network, goroutine, lock or log. The caller gives it the time and what was heard
// ([Engine.Step]), stores the effects together with what changed ([Engine.Changes]), and then performs them. Equal inputs at
// equal times give equal effects and equal state, byte for byte: that is what replay, backtests and high availability stand on.
//
// How symptoms become incidents: a symptom joins the incident of the deepest thing that can explain it, found by walking from
// its entity over dependencies and owners (see cone.go). A symptom that explains others (they depend on it, and it accounts for at
// least half of their incident) becomes their root even if it comes last. Where many things fail that have only a silent
// dependency or owner in common, that one becomes the root. Everything else is an incident of its own.
//
// # Where to find what
//
// A way through it: an alert enters at [Engine.Step] in engine.go, becomes a symptom in symptom.go and finds its incident in collapse.go, which
// opens in life.go, is held in hold.go, and then either settles in life.go or is paged in escalate.go. What its root is, rank.go asks diagnosis.go
// at the end of each step. The files by rooms:
//
// What goes in and what comes out:
//
//	input.go             what the engine is told: alerts, events, topologies, commands, results of deliveries, gaps
//	policy.go            the part of the configuration that decisions depend on, which is an input, too
//	tuning.go            numbers that data could argue about, and no user should
//	labels.go            labels, packed
//	reference.go         symptoms by what they are, for those who compare two engines
//	effect.go            what the engine decided, with its reason
//	incident.go          incidents as readers see them
//	escalationview.go    where an incident's escalation stands, as package routing tells readers
//
// The engine:
//
//	engine.go            what it is made of, and a step of it
//	timers.go            what is due when
//	operate.go           what operators ask for
//	answers.go           what rules say, asked once for each set of labels
//	ruleid.go            which rule it was: file and line
//	duration.go          durations in texts
//
// Symptoms:
//
//	symptom.go           alerts and events become symptoms, are seen again, clear, time out
//	table.go             symptoms by number
//	site.go              entities that are ill, and what watches them
//	reporter.go          sources that fall silent
//	heartbeat.go         who should report over and over, and does not
//	heartbeatview.go     the same for readers
//	unseen.go            what Alertmanager does not send
//
// The topology, as the engine keeps it up to date:
//
//	graph.go             what sources tell, and what that changes
//	depend.go            dependencies that rules tell
//	evidence.go          dependencies that messages of events tell
//	cone.go              what could explain an entity: all that it may suffer from
//	paths.go             the way that trouble took to each entity
//	neighbourhood.go     what is next to an entity, for readers
//
// Symptoms find their incident:
//
//	collapse.go          which incident explains a symptom, and incidents that explain each other
//	cause.go             what rules know to cause what
//	parts.go             what is ill because its parts are
//	silentroot.go        what shows nothing itself and still explains
//	gather.go            a hub merges its incidents some at a time
//	split.go             what nothing connects any more is parted before it pages
//
// What the root is:
//
//	rank.go              when an incident is ranked, and what follows from it
//	diagnosis.go         the ranking: candidates, votes, scores
//	desk.go              memory for it
//	chain.go             how trouble travelled within an incident
//	strength.go          what a symptom tells, and how much
//	rarity.go            how unusual it is
//	change.go            what was changed as it began
//	revision.go          the deployment instead of its replica set
//
// An incident's life:
//
//	life.go              opened, joined, settled, closed, reopened, lost
//	generation.go        its lives, for figures about waiting
//	escalate.go          paged, acknowledged, handed back, withdrawn
//	feedback.go          what operators say of it
//	episode.go           how often its alerts fired, and for how long
//	enrich.go            what rules add for people
//
// Waiting:
//
//	hold.go              until when an incident is held, and what puts that off or cuts it short
//	haste.go             what must not wait
//	outlook.go           until when waiting pays
//	lifetime.go          how long trouble lasts, learned
//	podname.go           workloads, by the names of their pods
//	sign.go              healing that is under way, or exhausted
//	credit.go            what healed it
//	memory.go            what is remembered of entities for a while
//
// What heals too often:
//
//	chronic.go           trouble that comes back, and its budget
//	chronicrule.go       what rules allow
//	chronicrecord.go     what was seen of it
//	chronicround.go      once a day: what gets worse
//	chronicraise.go      told, once in a while
//
// What does not page though it is ill:
//
//	silencing.go         silences: made, begun, ended
//	silenced.go          what they keep from paging, and what is too broad
//	mute.go              what rules keep from paging
//	muterule.go          what these rules say
//	mutewait.go          incidents that wait until neither does
//
// For those who look, who change nothing by it:
//
//	view.go              incidents and figures
//	firing.go            alerts, for readers who know no incidents
//	shownmembers.go      the entities that a message has room for
//	explain.go           why an incident has its root
//	explanation.go       what such an explanation consists of
//	witness.go           what each symptom had to say
//	counterfactual.go    what would have made another the root
//	ruling.go            what the rules say of a symptom and of a dependency
//
// State and journal:
//
//	rows.go              which rows a step changed
//	incidentrow.go       an incident's row
//	symptomrow.go        a symptom's
//	load.go              an engine of rows
//	record.go            the inputs of a step as a record of the journal
//	topologywire.go      topologies in it
//	wire.go              what all of these are encoded with
package correlate
