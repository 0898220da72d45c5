package main

import "strings"

// published is a row of a paper: shares of cases in which the root is first, and among the first three. A negative share is not
// told. Its methods read metrics, logs and traces and are told when, and partly where, the fault showed; alerts were derived from
// the same incidents for the other rows. So it is beside the rows above it for orientation, not in one race with them.
type published struct {
	name       string
	top1, top3 float64
}

// papers are the tables for the sets whose names begin with a prefix.
var papers = []struct {
	prefix, source string
	rows           []published
}{
	{"petshop-low", idi + "latency issues, low traffic", idiColumn(0)},
	{"petshop-high", idi + "latency issues, high traffic", idiColumn(1)},
	{"petshop-temporal", idi + "latency issues, temporal traffic", idiColumn(2)},
	{"nezha-ob", nezha + "56 cases of Online Boutique", nezhaColumn(0)},
	{"nezha-tt", nezha + "45 cases of Train Ticket", nezhaColumn(1)},
}

// paperOf finds what was published about a set.
func paperOf(set string) (source string, rows []published) {
	for _, p := range papers {
		if strings.HasPrefix(set, p.prefix) {
			return p.source, p.rows
		}
	}
	return "", nil
}

const (
	idi   = "Nagalapatti et al., ICLR 2025, Table 1: "
	nezha = "Yu et al., ESEC/FSE 2023, Table 3: "
)

// idiTable has low, high and temporal traffic, top1 and top3 each.
var idiTable = []struct {
	name   string
	shares [3][2]float64
}{
	{"Random Walk", [3][2]float64{{0, .10}, {0, .20}, {0, .33}}},
	{"Ranked Correlation", [3][2]float64{{.40, .60}, {.70, .90}, {.50, .67}}},
	{"e-Diagnosis", [3][2]float64{{0, 0}, {0, 0}, {.17, .17}}},
	{"Circa", [3][2]float64{{.60, .80}, {.60, 1}, {.67, 1}}},
	{"Traversal", [3][2]float64{{.80, .80}, {.90, .90}, {1, 1}}},
	{"Smooth Traversal", [3][2]float64{{.40, .60}, {0, .60}, {.50, 1}}},
	{"HRCD", [3][2]float64{{.07, .21}, {0, .07}, {.25, .75}}},
	{"TOCA", [3][2]float64{{.40, .40}, {.20, .20}, {0, 0}}},
	{"CF Attribution", [3][2]float64{{.40, .60}, {.40, .70}, {0, .50}}},
	{"IDI", [3][2]float64{{.90, .90}, {.90, .90}, {1, 1}}},
}

// nezhaTable has Online Boutique and Train Ticket, service level.
var nezhaTable = []struct {
	name   string
	shares [2][2]float64
}{
	{"MicroScope", [2][2]float64{{.1250, .4107}, {.1778, .2667}}},
	{"MicroRCA", [2][2]float64{{.1607, .6250}, {.2000, .3111}}},
	{"SBLD", [2][2]float64{{.1964, .2321}, {.1556, .2222}}},
	{"LogFaultFlagger", [2][2]float64{{.1964, .2142}, {.1778, .2444}}},
	{"MicroRank", [2][2]float64{{.4107, .4821}, {.1556, .2444}}},
	{"TraceAnomaly", [2][2]float64{{.3035, .3392}, {.1333, .2889}}},
	{"PDiagnose", [2][2]float64{{.4107, .7321}, {.0889, .1333}}},
	{"Nezha without ML", [2][2]float64{{.1428, -1}, {.0667, -1}}},
	{"Nezha without M", [2][2]float64{{.2678, -1}, {.5556, -1}}},
	{"Nezha without L", [2][2]float64{{.6428, -1}, {.4222, -1}}},
	{"Nezha", [2][2]float64{{.9286, .9643}, {.8667, .9778}}},
}

func idiColumn(traffic int) []published {
	rows := make([]published, 0, len(idiTable))
	for _, r := range idiTable {
		rows = append(rows, published{r.name, r.shares[traffic][0], r.shares[traffic][1]})
	}
	return rows
}

func nezhaColumn(system int) []published {
	rows := make([]published, 0, len(nezhaTable))
	for _, r := range nezhaTable {
		rows = append(rows, published{r.name, r.shares[system][0], r.shares[system][1]})
	}
	return rows
}
