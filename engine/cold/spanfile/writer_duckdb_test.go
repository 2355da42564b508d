package spanfile

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/taeldb/tael/fragment"
)

func openDuckDB(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func saveFile(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spans.parquet")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDuckDBReads(t *testing.T) {
	db := openDuckDB(t)
	for name, c := range fileCases(t) {
		t.Run(name, func(t *testing.T) {
			written := onceKeyed(c.rows)
			data, _ := writeFile(t, c.opts, written)
			rows, err := db.Query("select * from read_parquet(?, file_row_number = true) order by file_row_number", saveFile(t, data))
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			names, err := rows.Columns()
			if err != nil {
				t.Fatal(err)
			}
			var got []map[string]any
			for rows.Next() {
				values := make([]any, len(names))
				into := make([]any, len(names))
				for i := range values {
					into[i] = &values[i]
				}
				if err := rows.Scan(into...); err != nil {
					t.Fatal(err)
				}
				cells := map[string]any{}
				for i, name := range names {
					if name != "file_row_number" {
						cells[name] = duckCell(values[i])
					}
				}
				got = append(got, cells)
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			compareRows(t, c.opts, written, got)
		})
	}
}

// onceKeyed drops what database/sql cannot show, because its map has a key once: the later attributes under one key.
func onceKeyed(rows []*fragment.Row) []*fragment.Row {
	once := func(attrs []fragment.Attr) (kept []fragment.Attr) {
		seen := map[string]bool{}
		for _, a := range attrs {
			if !seen[string(a.Key)] {
				kept = append(kept, a)
			}
			seen[string(a.Key)] = true
		}
		return kept
	}
	var kept []*fragment.Row
	for _, r := range rows {
		row := *r
		row.Attributes = once(r.Attributes)
		row.Events, row.Links = slices.Clone(r.Events), slices.Clone(r.Links)
		for i := range row.Events {
			row.Events[i].Attributes = once(row.Events[i].Attributes)
		}
		for i := range row.Links {
			row.Links[i].Attributes = once(row.Links[i].Attributes)
		}
		kept = append(kept, &row)
	}
	return kept
}

func duckCell(v any) any {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case int32:
		return int64(v)
	case time.Time:
		return v.UnixMicro()
	case duckdb.OrderedMap:
		var m []entry
		for i, k := range v.Keys() {
			m = append(m, entry{k.(string), duckCell(v.Values()[i])})
		}
		return m
	case []any:
		var l []any
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

// Statistics, page indexes and dictionaries must not mislead a filter.
func TestDuckDBFilters(t *testing.T) {
	db := openDuckDB(t)
	c := fileCases(t)["small groups"]
	data, _ := writeFile(t, c.opts, c.rows)
	path := saveFile(t, data)
	row := c.rows[len(c.rows)/2]
	same := func(keep func(*fragment.Row) bool) (n int) {
		for _, r := range c.rows {
			if keep(r) {
				n++
			}
		}
		return n
	}
	for _, q := range []struct {
		where string
		want  int
	}{
		{fmt.Sprintf("trace_id = unhex('%x')", row.TraceID[:]), same(func(r *fragment.Row) bool { return r.TraceID == row.TraceID })},
		{fmt.Sprintf("span_id = unhex('%x')", row.SpanID[:]), 1},
		{fmt.Sprintf("epoch_us(start_time) * 1000 + start_nanos < %d", row.Start), same(func(r *fragment.Row) bool { return r.Start < row.Start })},
		{"duration_nano < 0", same(func(r *fragment.Row) bool { return int64(r.End-r.Start) < 0 })},
		{"kind = -7", same(func(r *fragment.Row) bool { return r.Kind == -7 })},
		{"status_code = 2", same(func(r *fragment.Row) bool { return r.StatusCode == 2 })},
		{"parent_span_id is null", same(func(r *fragment.Row) bool { return r.ParentID.IsZero() })},
		{"service = 'service-3'", same(func(r *fragment.Row) bool { return r.Resource.ServiceName() == "service-3" })},
		{"name = 'GET /'", same(func(r *fragment.Row) bool { return string(r.Name) == "GET /" })},
		{"name >= 'ü'", same(func(r *fragment.Row) bool { return strings.HasPrefix(string(r.Name), "ü") })},
		{"user_id = 'a'", same(func(r *fragment.Row) bool { return expect("", r)["user_id"] == "a" })},
		{"server_port = 5432", same(func(r *fragment.Row) bool { return expect("", r)["server_port"] == int64(5432) })},
		{"gen_ai_request_temperature = 0.7", same(func(r *fragment.Row) bool { return expect("", r)["gen_ai_request_temperature"] == 0.7 })},
		{"gen_ai_request_temperature = 0", same(func(r *fragment.Row) bool { return expect("", r)["gen_ai_request_temperature"] == 0.0 })},
		{"isnan(gen_ai_request_temperature)", same(func(r *fragment.Row) bool {
			v, ok := expect("", r)["gen_ai_request_temperature"].(float64)
			return ok && v != v
		})},
	} {
		var n int
		if err := db.QueryRow("select count(*) from read_parquet(?) where "+q.where, path).Scan(&n); err != nil {
			t.Fatalf("%s: %v", q.where, err)
		}
		if n != q.want {
			t.Errorf("%s: DuckDB finds %d rows of %d", q.where, n, q.want)
		}
	}
}
