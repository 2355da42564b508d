package compactor

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taeldb/tael"
)

// ErrConflict is what Tx.Commit returns when another committer has added spans of the same traces: begin again.
var ErrConflict = errors.New("a concurrent commit has spans of the same traces")

// Options of a Compactor. See DefaultOptions.
type Options struct {
	// Retention drops whole UTC days that ended longer ago; 0 keeps all.
	Retention time.Duration
	// MaxColdBytes drops the oldest whole days while the table is larger; 0 is no limit.
	MaxColdBytes int64
	// Share is the part of the time, in (0, 1], that a flush may work while spans come in and nothing presses. 1 never yields.
	Share float64
	// Every is the pace of the loop; MaintainEvery that of expiry and clean-up.
	Every, MaintainEvery time.Duration
	// RetryAfter is how long a failed job waits before it is tried again.
	RetryAfter time.Duration
	// DamagePatience is how long flushes fail because a file of the table cannot be read, which often heals, before they go on beside it.
	DamagePatience time.Duration
	// Attempts bounds how often one flush begins again after conflicts.
	Attempts int

	Now      func() time.Time
	Logger   *slog.Logger
	Register prometheus.Registerer // nil: not exported
	// Hook is called before and after the named steps, for crash tests.
	Hook func(step string)
}

// DefaultOptions are the documented defaults.
func DefaultOptions() Options {
	return Options{
		Retention: 30 * 24 * time.Hour, Share: 0.1,
		Every: time.Second, MaintainEvery: time.Minute, RetryAfter: 5 * time.Second, DamagePatience: time.Minute, Attempts: 8,
		Now: time.Now, Logger: slog.New(slog.DiscardHandler), Hook: func(string) {},
	}
}

// Validate lists every problem.
func (o Options) Validate() error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf("%w: "+format, append([]any{tael.ErrInvalid}, args...)...))
		}
	}
	need(o.Retention == 0 || o.Retention >= 24*time.Hour, "retention %v: want at least 24h, or 0 to keep all", o.Retention)
	need(o.MaxColdBytes >= 0, "max-disk: %d bytes are left for cold data: want 0 or more", o.MaxColdBytes)
	need(o.Share > 0 && o.Share <= 1, "flush-share %v: want more than 0, at most 1", o.Share)
	need(o.Every > 0 && o.MaintainEvery > 0 && o.RetryAfter > 0, "compactor: its intervals must be more than 0")
	need(o.DamagePatience >= 0, "compactor: damage patience %v: want 0 or more", o.DamagePatience)
	need(o.Attempts > 0, "compactor: attempts %d: want more than 0", o.Attempts)
	need(o.Now != nil && o.Logger != nil && o.Hook != nil, "compactor: a clock, a logger and a hook are needed")
	return errors.Join(problems...)
}

// The named steps of Options.Hook, each with ".before" and ".after". See cold for those inside a commit, and hot for those of segments.
const (
	StepSeal   = "compactor.seal"
	StepWrite  = "compactor.write"
	StepCommit = "compactor.commit"
	StepSwap   = "compactor.swap" // the view changes and the segment goes
)

// Steps lists the steps in the order of a flush.
func Steps() []string { return []string{StepSeal, StepWrite, StepCommit, StepSwap} }
