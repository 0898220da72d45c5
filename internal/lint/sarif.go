package lint

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// sarif is a log in the Static Analysis Results Interchange Format, version 2.1.0, as far as GitHub's code scanning reads it.
type sarif struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver struct {
		Name    string      `json:"name"`
		Version string      `json:"semanticVersion,omitempty"`
		Rules   []sarifRule `json:"rules"`
	} `json:"driver"`
}

type sarifRule struct {
	ID      string    `json:"id"`
	Short   sarifText `json:"shortDescription"`
	Full    sarifText `json:"fullDescription"`
	Help    sarifText `json:"help"`
	Default struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
	Related   []sarifLocation `json:"relatedLocations,omitempty"`
}

type sarifLocation struct {
	ID       int `json:"id,omitempty"`
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			Line int `json:"startLine"`
			Col  int `json:"startColumn"`
		} `json:"region"`
	} `json:"physicalLocation"`
	Message *sarifText `json:"message,omitempty"`
}

// levels are SARIF's words for severities.
var levels = map[Severity]string{Info: "note", Warning: "warning", Error: "error"}

// SARIF returns findings as a log for tools such as GitHub's code scanning. Version is quell's; it is left out unless it begins with v.
func SARIF(list []Finding, version string) ([]byte, error) {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	driver := &run.Tool.Driver
	driver.Name = "quell check"
	if v, ok := strings.CutPrefix(version, "v"); ok {
		driver.Version = v
	}
	index := make(map[string]int)
	for i, k := range Kinds {
		index[k.Name] = i
		r := sarifRule{ID: k.Name, Short: sarifText{k.Summary}, Full: sarifText{k.Summary + "."}, Help: sarifText{"docs/checking.md#" + k.Name}}
		r.Default.Level = levels[k.Severity]
		driver.Rules = append(driver.Rules, r)
	}
	for _, f := range list {
		message := f.Text
		if f.Hint != "" {
			message += " (" + f.Hint + ")"
		}
		r := sarifResult{
			RuleID: f.Kind, RuleIndex: index[f.Kind], Level: levels[f.Severity], Message: sarifText{message}, Locations: []sarifLocation{located(f.Place)},
		}
		if f.Other.File != "" && !strings.HasPrefix(f.Other.File, "pack ") {
			other := located(f.Other)
			other.ID, other.Message = 1, &sarifText{"the other one"}
			r.Related = append(r.Related, other)
		}
		run.Results = append(run.Results, r)
	}
	return json.MarshalIndent(sarif{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}, "", "  ")
}

// located is a place; a file as a whole is its first line.
func located(p Place) (l sarifLocation) {
	l.Physical.Artifact.URI = (&url.URL{Path: filepath.ToSlash(p.File)}).EscapedPath()
	l.Physical.Region.Line, l.Physical.Region.Col = max(p.Line, 1), max(p.Col, 1)
	return l
}

var (
	annotationText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	annotationField = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Annotation returns a finding as a command of a GitHub workflow, which shows it beside the line of a pull request.
func (f Finding) Annotation() string {
	command := map[Severity]string{Info: "notice", Warning: "warning", Error: "error"}[f.Severity]
	text := f.Text
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	place := "file=" + annotationField.Replace(filepath.ToSlash(f.File))
	if f.Line > 0 {
		place += ",line=" + strconv.Itoa(f.Line) + ",col=" + strconv.Itoa(f.Col)
	}
	return "::" + command + " " + place + ",title=" + annotationField.Replace("quell check: "+f.Kind) + "::" + annotationText.Replace(text)
}
