// Package correlate is the pure core of quell: the vocabulary (inputs, incidents, effects) and the engine, which turns alerts and
// events into incidents and decides what happens to each of them.
//
// The engine knows no clock, disk, network, goroutine, lock or log. The caller passes in the time and what was heard
// ([Engine.Step]), stores the effects that come back together with the rows that changed ([Engine.Changes]), and only then performs
// them. The same inputs at the same times give the same effects and the same state, byte for byte: replay, backtests and high
// availability all rest on that.
//
// # How a cascade becomes one incident
//
// The engine asks five questions, in this order:
//
//  1. What could have caused this symptom? The cone of its entity: whatever the entity depends on or is part of, at most three
//     dependencies away, each with the chance that trouble there shows here (cone.go).
//  2. Which incident does it belong to? The one whose root or symptoms in that cone explain it best. Failing that, the oldest one that
//     it explains itself, whose root it then becomes although it came last. Failing that, one of its own. Where many entities fail that
//     share only a silent dependency or owner, the silent one becomes the root of them all (collapse.go, silentroot.go).
//  3. What is the root? At the end of the step, whatever could explain the incident is scored (diagnosis.go, rank.go):
//     score = coverage × evidence × prior × change. Coverage is how much of the trouble a candidate explains, evidence what its own
//     symptoms say, prior how readily its kind is believed, and change a bonus for what was changed just before.
//  4. How long does waiting pay? As long as trouble of its class has usually healed by itself, or as a rule says (outlook.go, hold.go, and
//     package heal), unless something must not wait (haste.go).
//  5. Has it healed? If all of it cleared and stayed clear for the settle time, it is self-healed, and nobody was woken (life.go). If not,
//     it is paged when its hold is over (escalate.go).
//
// Being near is not being caused: symptoms are in one incident because one root explains them, never because they are close or came
// at the same moment.
//
// # A worked example
//
// The services cart and pay call the database db. The dependency "calls" has the weight 0.8: of every ten failures of db, eight show on
// a caller. At 9:00 warnings fire on cart and pay (a warning has the strength 0.4), and nothing explains either, so each opens an
// incident. At 9:01 a critical alert (strength 1) fires on db. It explains both: the older incident gets db as its root, the
// other one is merged into it, and three candidates are scored.
//
// db explains its own alert fully. Of the warnings it explains 0.8 each, times 1/(1 + 1m/15m) = 0.9375 because it was heard of
// a minute after its effects. So its coverage is
//
//	(1 + 0.4×0.8×0.9375 + 0.4×0.8×0.9375) / (1 + 0.4 + 0.4) = 0.889
//
// Its alert tells of its own state (evidence 1), a service is readily believed to be a root (prior 1), and nothing was changed (change
// 1), so its score is 0.889. cart explains nothing but its own warning, 0.4 / 1.8 = 0.222, and errors may well come from something
// that it calls (evidence 0.5), so its score is 0.111, as is that of pay. The example below plays this, and `quell incident why` shows the
// same arithmetic for any incident.
//
// Coverage and hit ratio come from SCORE (Kompella et al., NSDI 2005), the greedy cover that finds several roots at once from
// Spotlight (SRDS 2010), and the time to heal from Kaplan and Meier (see package heal).
//
// # Where to find what
//
// To read it in the order of events: an alert enters at [Engine.Step] in engine.go, becomes a symptom in symptom.go and finds its incident in
// collapse.go. The incident is opened in life.go and held in hold.go; at the end of each step rank.go has diagnosis.go rank its roots; in the end it
// either settles in life.go or is paged in escalate.go. The files, room by room:
//
// What goes in and what comes out:
//
//	input.go             what the engine is told: alerts, events, topologies, commands, results of deliveries, gaps
//	policy.go            the part of the configuration that decisions depend on, which is an input too
//	tuning.go            numbers that data could argue about, and no user should
//	labels.go            labels in one packed string
//	reference.go         symptoms named so that two engines can be compared
//	effect.go            what the engine decided, with its reason
//	incident.go          incidents as readers see them
//	escalationview.go    where an incident's escalation stands, as package routing shows it to readers
//
// The engine:
//
//	engine.go            what the engine is made of, and what one step does
//	timers.go            what is due when
//	operate.go           what operators ask for
//	answers.go           what rules say, asked once for each set of labels
//	ruleid.go            which rule decided: file and line
//	duration.go          durations as people write them
//
// Symptoms:
//
//	symptom.go           alerts and events become symptoms, are seen again, clear, time out
//	table.go             symptoms by number
//	site.go              entities that are ill, and what watches them
//	reporter.go          sources that fall silent
//	heartbeat.go         whoever should report at intervals, and does not
//	heartbeatview.go     heartbeats as readers see them
//	unseen.go            alerts that Alertmanager has and does not send on
//
// The topology, as the engine keeps it up to date:
//
//	graph.go             what sources say, and what that changes
//	depend.go            dependencies that rules state
//	evidence.go          dependencies read from the messages of events
//	cone.go              the cone: all that an entity's trouble may come from
//	paths.go             the way that trouble took to each entity
//	neighbourhood.go     an entity's surroundings, for readers
//
// Symptoms find their incident:
//
//	collapse.go          which incident explains a symptom, and incidents that explain each other
//	merge.go             two incidents become one, or get another root
//	cause.go             what causes what, as rules know it
//	parts.go             entities that are ill because their parts are
//	silentroot.go        roots that show nothing themselves
//	gather.go            a hub merges its incidents a few at a time
//	split.go             incidents that nothing holds together any more are parted before they page
//
// What the root is:
//
//	rank.go              when an incident is ranked, and what follows from it
//	diagnosis.go         the ranking from beginning to end: candidates, their scores, and the greedy cover
//	member.go            the ill entities that a ranking is about
//	vote.go              what each of them says about who could have caused its trouble
//	prolong.go           chains of ill entities, and what they leave to silent ones
//	desk.go              memory that rankings use again
//	chain.go             how trouble travelled within an incident
//	strength.go          how much a symptom counts, and what it says
//	rarity.go            how unusual it is
//	change.go            changes made just before the trouble began
//	revision.go          blames the deployment instead of its replica set
//
// An incident's life:
//
//	life.go              opened, joined, settled, closed, reopened, lost
//	generation.go        the lives of an incident, for figures about waiting
//	escalate.go          paged, acknowledged, handed back, withdrawn
//	feedback.go          what operators say about it afterwards
//	episode.go           how often its alerts fired, and for how long
//	enrich.go            what rules add for people
//
// Waiting:
//
//	hold.go              until when an incident is held, and what extends or cuts short the hold
//	haste.go             what must not wait
//	outlook.go           how long waiting pays
//	lifetime.go          how long trouble lasts, as learned from incidents
//	podname.go           workloads, known by the names of their pods
//	sign.go              signs that healing is under way, or has been given up
//	credit.go            what healed it
//	memory.go            what is remembered about entities for a while
//
// What heals too often:
//
//	chronic.go           trouble that comes back, and its budget
//	chronicrule.go       what rules allow
//	chronicrecord.go     what was seen of such trouble
//	chronicround.go      once a day: what is getting worse
//	chronicraise.go      telling people, once in a while
//
// What does not page though it is ill:
//
//	silencing.go         silences: made, begun, ended
//	silenced.go          what silences keep from paging, and which are too broad
//	mute.go              what rules keep from paging
//	muterule.go          what these rules say
//	mutewait.go          incidents that wait until neither silence nor rule applies
//
// For readers, who change nothing by looking:
//
//	view.go              incidents and figures
//	firing.go            alerts, for readers that know no incidents
//	shownmembers.go      the members that a message has room for
//	explain.go           why an incident has its root
//	explanation.go       what such an explanation is made of
//	witness.go           what each symptom had to say
//	counterfactual.go    what would have made another the root
//	ruling.go            what the rules say about a symptom or a dependency
//
// State and journal:
//
//	rows.go              which rows a step changed
//	incidentrow.go       an incident's row
//	symptomrow.go        a symptom's row
//	load.go              an engine rebuilt from its rows
//	record.go            the inputs of a step as a record of the journal
//	topologywire.go      topologies in a record
//	wire.go              the encoding that all of these share
package correlate
