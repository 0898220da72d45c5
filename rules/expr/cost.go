package expr

import (
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
)

// What variables are taken to hold when the cost of an expression is estimated. Where they may hold more, evaluation is stopped when
// it costs too much.
const (
	assumedItems = 128
	assumedBytes = 256
)

// estimator tells CEL how large values are of which it knows nothing.
type estimator struct{}

// EstimateSize bounds values that come from outside.
func (estimator) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	if n.ComputedSize() != nil {
		return nil
	}
	text := cost.RangedSizeEstimate(0, assumedBytes)
	items := cost.RangedSizeEstimate(0, assumedItems)
	var size cost.SizeEstimate
	switch n.Type().Kind() {
	case types.StringKind, types.BytesKind:
		size = text
	case types.ListKind:
		size = cost.ListSizeEstimate(items, text)
	case types.MapKind:
		size = cost.MapSizeEstimate(items, text, text)
	case types.DynKind, types.AnyKind, types.OpaqueKind:
		size = text // where it is a list, CEL asks again for a list
	default:
		return nil
	}
	return &size
}

// EstimateCallCost tells what functions cost that CEL does not know, and base64, whose cost it has only beside functions that have none.
func (estimator) EstimateCallCost(_, overload string, _ *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	switch overload {
	case overloadLabel:
		size := cost.RangedSizeEstimate(0, assumedBytes)
		return cost.NewCallEstimate(cost.FixedCostEstimate(1), &size)
	case overloadFingerprint:
		size := cost.FixedSizeEstimate(fingerprintDigits)
		return cost.NewCallEstimate(reading(args[0]), &size)
	case "base64_encode_bytes", "base64_decode_string":
		size := cost.RangedSizeEstimate(0, cost.SafeMultiply(2, bytesOf(args[0])))
		return cost.NewCallEstimate(reading(args[0]), &size)
	case overloadParseTime, overloadParseTimeLayout:
		return cost.NewCallEstimate(cost.FixedCostEstimate(costOfTime), nil)
	}
	if strings.HasPrefix(overload, "optional_") || overload == "list_first" || overload == "list_last" {
		// CEL does not know the size of what was optional, whatever it was.
		text := cost.RangedSizeEstimate(0, assumedBytes)
		size := cost.MapSizeEstimate(text, text, text)
		return cost.NewCallEstimate(cost.FixedCostEstimate(1), &size)
	}
	return nil
}

// bytesOf is how long a text may be at most, as far as it is known.
func bytesOf(n cost.AstNode) uint64 {
	if size := n.ComputedSize(); size != nil {
		return size.Max
	}
	return assumedBytes
}

// reading is what it costs to look at all of a text.
func reading(n cost.AstNode) cost.Estimate {
	return cost.RangedCostEstimate(1, cost.SafeAdd(1, bytesOf(n)/bytesPerCost))
}

// costText is a cost as people read it; beyond all bounds there is no number.
func costText(c uint64) string {
	if c >= math.MaxInt64 {
		return "any amount"
	}
	return strconv.FormatUint(c, 10)
}
