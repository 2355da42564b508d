package engine

import (
	"net/url"
	"path/filepath"

	"github.com/taeldb/tael/engine/cold"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/compactor"
	"github.com/taeldb/tael/engine/hot"
	"github.com/taeldb/tael/engine/query"
)

// parts are the options of the tiers, made from those of the engine.
type parts struct {
	hot       hot.Options
	cold      cold.Options
	objects   []objstore.Option
	query     query.Options
	compactor compactor.Options
}

// Shares of the memory limit, in percent. What the hot tier stores is in memory twice while it is hot: in Badger's memtable and in the
// pages of its log, of which only the first is memory that the kernel cannot take back.
const (
	hotShare    = 39
	headerShare = 8
	cacheShare  = 3  // of opened files
	dictShare   = 3  // of dictionaries and term filters
	filterShare = 4  // of trace filters
	queryShare  = 20 // of one query
	poolShare   = 30 // of all queries together
	// segments is how many segments the hot tier has room for, at least: one that takes spans, one that is flushed, and some that wait.
	segments = 5
)

func share(limit, percent int64) int64 { return limit / 100 * percent }

func budgets(o Options) parts {
	p := parts{hot: hot.DefaultOptions(filepath.Join(o.DataDir, "hot")), cold: cold.DefaultOptions(), query: query.DefaultOptions(), compactor: compactor.DefaultOptions()}

	p.hot.MaxHotBytes = share(o.MemoryLimit, hotShare)
	p.hot.SegmentBytes = min(o.HotMaxBytes, p.hot.MaxHotBytes/segments)
	p.hot.SegmentAge = o.HotMaxAge
	p.hot.MaxHeaderBytes = share(o.MemoryLimit, headerShare)
	p.hot.SyncInterval = o.SyncInterval
	p.hot.MinFreeDisk = uint64(o.MinFreeDisk)
	p.hot.Now, p.hot.Logger, p.hot.Registerer, p.hot.Hook = o.Now, o.Logger, o.Register, o.Hook

	p.cold.Location = o.ColdURL
	if p.cold.Location == "" {
		// As a URL, because a directory's name may hold what means something in one.
		p.cold.Location = (&url.URL{Scheme: "file", Path: filepath.Join(o.DataDir, "cold")}).String()
	}
	p.cold.CacheBytes, p.cold.DictionaryCacheBytes, p.cold.FilterBytes = share(o.MemoryLimit, cacheShare), share(o.MemoryLimit, dictShare), share(o.MemoryLimit, filterShare)
	p.cold.Now, p.cold.Logger, p.cold.Hook = o.Now, o.Logger, o.Hook

	p.query.Budget, p.query.DefaultDeadline, p.query.Clock = o.QueryBudget, o.QueryTimeout, o.Now
	if p.query.Budget.Memory == 0 {
		p.query.Budget.Memory = share(o.MemoryLimit, queryShare)
	}
	p.query.Pool = query.NewPool(max(share(o.MemoryLimit, poolShare), p.query.Budget.Memory))

	p.compactor.Retention, p.compactor.Share = o.Retention, o.FlushShare
	if o.MaxDisk > 0 {
		p.compactor.MaxColdBytes = o.MaxDisk - p.hot.MaxHotBytes
	}
	p.compactor.Now, p.compactor.Logger, p.compactor.Register, p.compactor.Hook = o.Now, o.Logger, o.Register, o.Hook

	objects := newObjectMetrics(o.Register)
	p.objects = []objstore.Option{objstore.WithLogger(o.Logger), objstore.WithObserver(objects.observe), objstore.WithHook(o.Hook)}
	return p
}
