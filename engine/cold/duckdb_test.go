package cold

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/taeldb/tael"
)

// DuckDB reads the files that the current snapshot lists, with its position deletes applied, and finds every column of every row as it
// was sent. It is a reader of its own: it shares no code with the writer.
func TestDuckDBReadsTheCurrentSnapshot(t *testing.T) {
	table, _ := newTable(t)
	spans := richSpans(rand.New(rand.NewPCG(20261122, 5)), 400)
	mustFlush(t, table, nodeA, 1, "acme", spans[:200])
	mustFlush(t, table, nodeA, 2, "acme", spans[200:])
	mustFlush(t, table, nodeB, 1, "other", traceOf(1, 5, noon))
	// Newer versions of some, and a day that is dropped.
	var again []tael.Span
	for i := 0; i < len(spans); i += 7 {
		spans[i].End += 1_000_003
		spans[i].Name += " again"
		spans[i].Sequence = 9
		again = append(again, spans[i])
	}
	mustFlush(t, table, nodeA, 3, "acme", again)
	mustFlush(t, table, nodeA, 4, "acme", traceOf(77, 5, noon.Add(-48*time.Hour)))
	if _, err := table.DropDays(context.Background(), "acme", noon.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}

	want := map[string]map[string]any{}
	for i := range spans {
		cells := expectCells("acme", &spans[i])
		want[cells["span_id"].(string)] = cells
	}
	names, rows := duckRows(t, table, "acme")
	if len(rows) != len(want) {
		t.Errorf("DuckDB finds %d rows, want %d", len(rows), len(want))
	}
	bad := 0
	for _, row := range rows {
		id, _ := row["span_id"].(string)
		expected := want[id]
		if expected == nil {
			t.Fatalf("a row with span id %x was not sent", id)
		}
		for _, name := range names {
			if got, w := show(name, row[name]), show(name, expected[name]); got != w && bad < 20 {
				bad++
				t.Errorf("span %x, column %s: got %s, want %s", id, name, got, w)
			}
		}
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("%d rows are missing", len(want))
	}
}

// duckRows reads the tenant's rows of the current snapshot.
func duckRows(t *testing.T, table *Table, tenant string) (names []string, rows []map[string]any) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	list := func(keys []string) string {
		for i, key := range keys {
			keys[i] = "'" + strings.TrimPrefix(table.path(key), "file://") + "'"
		}
		return "[" + strings.Join(keys, ", ") + "]"
	}
	var data, deletes []string
	s := table.state.Load()
	for _, f := range s.tenants[tenant] {
		data = append(data, f.key)
	}
	for _, f := range s.deletes {
		deletes = append(deletes, f.key)
	}
	if len(deletes) == 0 {
		t.Fatal("the snapshot has no position deletes: the test proves little")
	}
	found, err := db.Query(fmt.Sprintf(`
		SELECT d.* EXCLUDE (filename, file_row_number)
		FROM read_parquet(%s, filename = true, file_row_number = true, hive_partitioning = false) d
		ANTI JOIN read_parquet(%s, hive_partitioning = false) x ON x.file_path = 'file://' || d.filename AND x.pos = d.file_row_number`, list(data), list(deletes)))
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	if names, err = found.Columns(); err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, name := range names {
			row[name] = duckCell(values[i])
		}
		rows = append(rows, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return names, rows
}

// duckCell brings a value of DuckDB into the form of expectCells.
func duckCell(v any) any {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case int32:
		return int64(v)
	case time.Time:
		return v.UnixMicro()
	case duckdb.OrderedMap:
		m := map[string]any{}
		for i, k := range v.Keys() {
			m[k.(string)] = duckCell(v.Values()[i])
		}
		return m
	case []any:
		l := []any{}
		for _, e := range v {
			l = append(l, duckCell(e))
		}
		return l
	case map[string]any:
		s := map[string]any{}
		for k, e := range v {
			s[k] = duckCell(e)
		}
		return s
	}
	return v
}
