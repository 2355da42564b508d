package cold

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/taeldb/tael"
)

// Another reader of the format finds the table through the paths that are stored in it, plans by our bounds, and applies our deletes.
func TestIcebergLibraryReadsTheTable(t *testing.T) {
	ours, _ := newTable(t)
	days(t, ours, 3, "acme", "other")
	changed := spanOf(1, 2, noon.Add(time.Second))
	changed.End += 1000
	mustFlush(t, ours, nodeA, 2, "acme", []tael.Span{changed})
	mustFlush(t, ours, nodeA, 3, "acme", traceOf(50, 4, noon.Add(time.Hour)))
	ctx := context.Background()
	location := ours.path(versionKey(ours.state.Load().head.version))
	fs := func(ctx context.Context) (iceio.IO, error) { return iceio.LoadFS(ctx, nil, location) }
	theirs, err := table.NewFromLocation(ctx, []string{"tael", "spans"}, location, fs, nil)
	if err != nil {
		t.Fatal(err)
	}
	micros := func(at time.Time) string { return at.Format("2006-01-02T15:04:05.000000+00:00") }
	for _, c := range []struct {
		name        string
		filter      iceberg.BooleanExpression
		files, rows int
	}{
		{"all", iceberg.AlwaysTrue{}, 8, 22}, // 6 of the days, and 2 of later flushes
		{"tenant", iceberg.EqualTo(iceberg.Reference("tenant"), "other"), 3, 9},
		{"time", iceberg.GreaterThanEqual(iceberg.Reference("start_time"), micros(noon.Add(30*time.Minute))), 5, 16},
		{"both", iceberg.NewAnd(iceberg.EqualTo(iceberg.Reference("tenant"), "acme"), iceberg.LessThan(iceberg.Reference("start_time"), micros(noon.Add(30*time.Minute)))), 2, 3},
		{"nobody", iceberg.EqualTo(iceberg.Reference("tenant"), "nobody"), 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			scan := theirs.Scan(table.WithRowFilter(c.filter), table.WithSelectedFields("trace_id", "tenant", "start_time"))
			tasks, err := scan.PlanFiles(ctx)
			if err != nil {
				t.Fatal(err)
			}
			_, batches, err := scan.ToArrowRecords(ctx)
			if err != nil {
				t.Fatal(err)
			}
			rows := 0
			for b, err := range batches {
				if err != nil {
					t.Fatal(err)
				}
				rows += int(b.NumRows())
				b.Release()
			}
			if len(tasks) != c.files || rows != c.rows {
				t.Errorf("%d files and %d rows, want %d and %d", len(tasks), rows, c.files, c.rows)
			}
		})
	}
	summary := theirs.CurrentSnapshot().Summary.Properties
	for key, want := range map[string]int{"total-records": 23, "total-data-files": 8, "total-delete-files": 1, "total-position-deletes": 1, "added-records": 4} {
		if summary[key] != strconv.Itoa(want) {
			t.Errorf("the summary's %s is %s, want %d", key, summary[key], want)
		}
	}
	if !strings.HasPrefix(theirs.Location(), "file:///") {
		t.Errorf("location %s", theirs.Location())
	}
}
