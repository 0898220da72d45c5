package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/test/evaluation/dataset"
	"quell/test/evaluation/score"
)

func scored(name string, cases, top1, top3 int) *result {
	return &result{contender: contender{name: name}, sets: map[string]*setScore{
		"shop": {Tally: score.Tally{Cases: cases, Top1: top1, Top3: top3, Alerting: cases, Top1Alerting: top1, Top3Alerting: top3, Pages: cases}},
	}}
}

func TestARivalIsWhoIsNotBeatenAtBoth(t *testing.T) {
	got := rivalsOn("shop", []*result{
		scored("quell", 10, 6, 8),
		scored("worse", 10, 5, 8),
		scored("better first", 10, 7, 7),
		scored("better third", 10, 5, 9),
		scored("level", 10, 6, 8),
		scored("level over five seeds", 50, 30, 40),
		scored("worse over five seeds", 50, 29, 40),
	})
	want := rivals{first: []string{"better first"}, third: []string{"better third"}, level: []string{"level", "level over five seeds"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(rivals{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNobodyIsTheRivalOfWhoIsPerfect(t *testing.T) {
	got := rivalsOn("shop", []*result{scored("quell", 2, 2, 2), scored("also", 2, 2, 2)})
	if diff := cmp.Diff(rivals{}, got, cmp.AllowUnexported(rivals{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTargetsCountCasesWhoseRootAlerts(t *testing.T) {
	own := scored("quell", 10, 5, 5)
	own.sets["shop"].Alerting = 5
	var out bytes.Buffer
	targetSection(&out, []*dataset.Set{{Name: "shop", Cases: make([]dataset.Case, 10)}}, []*result{own, scored("poor", 10, 0, 0)})
	row := strings.Join(strings.Fields(out.String()[strings.Index(out.String(), "| shop"):]), " ")
	if row != "| shop | met | met | met | unknown | met |" {
		t.Errorf("got %s", row)
	}
}

func TestFiguresOfCasesAreAddedOverSeeds(t *testing.T) {
	sets := []*dataset.Set{{Name: "shop", Cases: []dataset.Case{{Name: "a", RootAlerts: true}, {Name: "b"}}}}
	r := &result{sets: map[string]*setScore{"shop": {}}}
	const run = `{"set": "shop", "case": "a", "pages": 2, "top1": true, "top3": true, "missed": false}
{"set": "shop", "case": "b", "pages": 0, "top1": false, "top3": true, "missed": true}
`
	for range 2 {
		if err := r.addCases(strings.NewReader(run), sets); err != nil {
			t.Fatal(err)
		}
	}
	want := score.Tally{Cases: 4, Pages: 4, Top1: 2, Top3: 4, Missed: 2, Alerting: 2, Top1Alerting: 2, Top3Alerting: 2}
	if diff := cmp.Diff(want, r.sets["shop"].Tally); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
