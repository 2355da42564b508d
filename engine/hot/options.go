package hot

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a Store. Start from DefaultOptions.
type Options struct {
	// Dir is the hot tier's directory. It is made when it is missing. The caller makes sure that one process uses it at a time.
	Dir string

	// SegmentBytes seals a segment before it stores more than that. The memory of a segment is a little more, whether full or not.
	SegmentBytes int64
	// SegmentAge seals a segment that has held data for that long, unless an older one waits for its flush. Zero never does.
	SegmentAge time.Duration
	// MaxHotBytes refuses appends while the segments together store more than that, or are as many as there are full ones in it.
	MaxHotBytes int64
	// MaxHeaderBytes bounds the memory of the entry headers: a segment is sealed early at its share of it, and appends are refused
	// while all segments together hold more.
	MaxHeaderBytes int64
	// MaxWait is how long an append waits for room, before it is refused for one of these limits. Zero refuses at once.
	MaxWait time.Duration

	// GroupBytes is about how many bytes of fragments share a commit, at most.
	GroupBytes int
	// Encoders is the number of goroutines that pack the entries of a group.
	Encoders int
	// SyncInterval says what an acknowledgement promises. Zero: the data is on disk, it survives the loss of power. More than zero:
	// the data is with the operating system and on disk within the interval, so that it survives the end of the process at any
	// moment, and the loss of power costs at most what was acknowledged in the last interval.
	SyncInterval time.Duration
	// MinFreeDisk refuses appends while the file system has fewer free bytes. The log of a segment is a memory map, and writing to
	// one on a full disk ends the process, so this must not be 0 in production.
	MinFreeDisk uint64
	// ProbeInterval is how often a store that cannot take data looks whether it can again.
	ProbeInterval time.Duration
	// Recoverers is the number of segments that are opened at a time on start, and closed at the end.
	Recoverers int
	// CloseTimeout is how long Close waits for open snapshots.
	CloseTimeout time.Duration

	// Logger gets what an operator should know; nil drops it.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now. It names nothing on disk: only ages of segments are measured with it.
	Now func() time.Time
	// Registerer takes the metrics; nil keeps them unregistered.
	Registerer prometheus.Registerer
	// FreeDisk gives the free bytes of the file system that holds dir; nil asks it.
	FreeDisk func(dir string) (uint64, error)
	// Hook is called before and after each of Steps, for crash tests; nil in production.
	Hook func(step string)

	// syncLog replaces the sync of a segment's log in tests.
	syncLog func(*badger.DB) error
}

// DefaultOptions are for a machine with 4 GiB of memory or more.
func DefaultOptions(dir string) Options {
	return Options{
		Dir:            dir,
		SegmentBytes:   64 << 20,
		SegmentAge:     10 * time.Minute,
		MaxHotBytes:    1 << 30,
		MaxHeaderBytes: 256 << 20,
		MaxWait:        2 * time.Second,
		GroupBytes:     8 << 20,
		Encoders:       2,
		MinFreeDisk:    512 << 20,
		ProbeInterval:  time.Second,
		Recoverers:     2,
		CloseTimeout:   10 * time.Second,
	}
}

// Limits of the options. A segment must have room for the largest entry part with its transaction; the log of a Badger memtable and
// its arena are addressed with 32 bits.
const (
	minSegmentBytes = 2 << 20
	maxSegmentBytes = 1 << 30
)

// Validate lists every problem of the options.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Dir == "" {
		bad("dir is empty")
	}
	if o.SegmentBytes < minSegmentBytes || o.SegmentBytes > maxSegmentBytes {
		bad("segment bytes is %d, want %d to %d", o.SegmentBytes, minSegmentBytes, maxSegmentBytes)
	}
	if o.MaxHotBytes < 2*o.SegmentBytes {
		bad("max hot bytes is %d, want at least two segments of %d", o.MaxHotBytes, o.SegmentBytes)
	}
	if o.SegmentAge < 0 {
		bad("segment age is %s, want 0 or more", o.SegmentAge)
	}
	if o.MaxHeaderBytes < 1<<20 {
		bad("max header bytes is %d, want %d or more", o.MaxHeaderBytes, 1<<20)
	}
	if o.MaxWait < 0 {
		bad("max wait is %s, want 0 or more", o.MaxWait)
	}
	if o.GroupBytes < 1 {
		bad("group bytes is %d, want 1 or more", o.GroupBytes)
	}
	if o.Encoders < 1 || o.Encoders > 64 {
		bad("encoders is %d, want 1 to 64", o.Encoders)
	}
	if o.SyncInterval < 0 {
		bad("sync interval is %s, want 0 or more", o.SyncInterval)
	}
	if o.ProbeInterval <= 0 {
		bad("probe interval is %s, want more than 0", o.ProbeInterval)
	}
	if o.Recoverers < 1 || o.Recoverers > 64 {
		bad("recoverers is %d, want 1 to 64", o.Recoverers)
	}
	if o.CloseTimeout <= 0 {
		bad("close timeout is %s, want more than 0", o.CloseTimeout)
	}
	return errors.Join(errs...)
}

// withDefaults fills in what nil stands for.
func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.FreeDisk == nil {
		o.FreeDisk = freeDisk
	}
	if o.Hook == nil {
		o.Hook = func(string) {}
	}
	if o.syncLog == nil {
		o.syncLog = (*badger.DB).Sync
	}
	return o
}

// maxSegments bounds the segments of this process that are not retired.
func (o Options) maxSegments() int { return int(o.MaxHotBytes / o.SegmentBytes) }

// leavingSegments is how many more may be there, retired and still read.
const leavingSegments = 8

// segmentHeaderBytes is a segment's share of the header memory.
func (o Options) segmentHeaderBytes() int64 {
	return max(o.MaxHeaderBytes*o.SegmentBytes/o.MaxHotBytes*2, 1<<20)
}
