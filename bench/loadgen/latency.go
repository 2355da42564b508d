package loadgen

import (
	"slices"
	"time"
)

// Latencies are durations of single requests.
type Latencies []time.Duration

// Quantile is the duration that the share q (0 to 1) of the requests did not exceed, 0 if there are none.
func (l Latencies) Quantile(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// Max is the longest duration, 0 if there are none.
func (l Latencies) Max() time.Duration {
	if len(l) == 0 {
		return 0
	}
	return slices.Max(l)
}
