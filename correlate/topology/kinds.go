package topology

// traits by type. Weights are judgements, not measurements: what something runs on or mounts takes it down almost surely,
// a call may be retried, cached or optional, and sharing a namespace, zone or scheduler says next to nothing. What is made of
// equal parts works, if worse, as long as it has one of them.
var traits = map[string]Traits{
	"runs_on":      {Weight: 0.95},
	"mounts":       {Weight: 0.9},
	"bound_to":     {Weight: 0.9},
	"calls":        {Weight: 0.8},
	"routes":       {Weight: 0.8},
	"depends_on":   {Weight: 0.8},
	"owns":         {Weight: 0.9, Owns: true, Needs: NeedsAny},
	"selects":      {Weight: 0.9, Owns: true, Needs: NeedsAny},
	"backed_by":    {Weight: 0.9, Owns: true, Needs: NeedsAny},
	"link":         {Weight: 0.5},
	"in_zone":      {Weight: 0.3},
	"in_namespace": {Weight: 0.05},
	"scheduled_by": {Weight: 0.05},
}

// DefaultType is the type of an edge that names none.
const DefaultType = "depends_on"

// TraitsOf returns what is known about a type where no rule says otherwise; an unknown type counts as [DefaultType].
func TraitsOf(typ string) Traits {
	if t, ok := traits[typ]; ok {
		return t
	}
	return traits[DefaultType]
}
