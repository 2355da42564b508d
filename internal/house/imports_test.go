package house

import (
	"strings"
	"testing"
)

// arrow forbids imports. The linter has the same arrows; they are here too because a build tag, a new
// folder or a linter that is not installed must not be a way around them.
type arrow struct {
	why    string
	from   []string // folders the rule is about, with all below them; empty: every folder
	except []string // folders below them that may
	to     []string // import paths that are forbidden, with all below them
	tests  bool     // tests are bound by it too
}

func ours(paths ...string) []string {
	for i, p := range paths {
		paths[i] = module + "/" + p
	}
	return paths
}

var arrows = []arrow{
	{why: "an engine stands alone: the doors and the cluster call it, never the other way",
		from: []string{"engine"}, to: ours("api", "ingest", "cluster", "cmd")},
	{why: "the tiers never meet: the compactor moves data between them and the engine joins them",
		from: []string{"engine/hot"}, to: ours("engine/cold", "engine/compactor", "engine/query/sql"), tests: true},
	{why: "the tiers never meet: the compactor moves data between them and the engine joins them",
		from: []string{"engine/cold"}, to: ours("engine/hot", "engine/compactor"), tests: true},
	{why: "the compactor sees the tiers through interfaces that it declares",
		from: []string{"engine/compactor"}, to: ours("engine/hot", "engine/cold")},
	{why: "a query sees sources, not tiers",
		from: []string{"engine/query"}, to: ours("engine/hot", "engine/cold", "engine/compactor")},
	{why: "the doors know tael.Store and what they declare themselves, so that a cluster can stand where an engine stood",
		from: []string{"api", "ingest"}, to: ours("engine")},
	{why: "a fragment travels between ingest and the tiers and knows none of them",
		from: []string{"fragment"}, to: ours("engine", "ingest", "api", "cluster", "cmd")},
	{why: "Badger types stay in engine/hot and engine/meta",
		except: []string{"engine/hot", "engine/meta"}, to: []string{"github.com/dgraph-io"}, tests: true},
	{why: "Parquet and Iceberg types stay in engine/cold",
		except: []string{"engine/cold"}, to: []string{"github.com/parquet-go", "github.com/apache/arrow-go/v18/parquet", "github.com/apache/iceberg-go"}},
	{why: "AWS types stay in engine/cold/objstore",
		except: []string{"engine/cold/objstore", "internal/testkit"}, to: []string{"github.com/aws"}},
	{why: "DuckDB is an independent reader for tests; the product does not link it",
		except: []string{"engine/query/sql"}, to: []string{"github.com/duckdb"}},
	{why: "the product has no test code in it",
		except: []string{"internal", "test", "bench", "demo"}, to: append(ours("internal/testkit", "test"), "testing", "go.uber.org/goleak", "pgregory.net/rapid")},
}

func (a arrow) binds(f goFile) bool {
	if f.isTest() && !a.tests {
		return false
	}
	for _, folder := range a.except {
		if f.within(folder) {
			return false
		}
	}
	for _, folder := range a.from {
		if f.within(folder) {
			return true
		}
	}
	return len(a.from) == 0
}

func TestImportArrows(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, a := range arrows {
			if !a.binds(f) {
				continue
			}
			for _, path := range f.imports {
				for _, to := range a.to {
					if under(path, to) {
						t.Errorf("%s imports %s: %s", f.path, path, a.why)
					}
				}
			}
		}
	}
}

func TestRootImportsOnlyTheStandardLibrary(t *testing.T) {
	for _, f := range goFiles(t) {
		if !f.within(".") || f.isTest() {
			continue
		}
		for _, path := range f.imports {
			// A path whose first part has a dot is a host, so not of the standard library.
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s: every package and every client imports the root package, so it brings nothing along", f.path, path)
			}
		}
	}
}

func TestOnlyTheEngineKnowsAllItsParts(t *testing.T) {
	parts := ours("engine/hot", "engine/cold", "engine/compactor", "engine/query")
	knows := map[string]map[string]bool{}
	for _, f := range goFiles(t) {
		if f.isTest() {
			continue
		}
		for _, path := range f.imports {
			for _, part := range parts {
				if under(path, part) && !under(module+"/"+f.dir(), part) {
					if knows[f.dir()] == nil {
						knows[f.dir()] = map[string]bool{}
					}
					knows[f.dir()][part] = true
				}
			}
		}
	}
	for dir, set := range knows {
		if len(set) == len(parts) && dir != "engine" {
			t.Errorf("%s imports the hot and cold tiers, the compactor and the query: only engine joins them", dir)
		}
	}
}

func TestArrowsAreSeen(t *testing.T) {
	// The rules are worth nothing if they match nothing, so each kind is tried on a file that breaks it.
	broken := []goFile{
		{path: "engine/engine.go", imports: ours("api/rest")},
		{path: "engine/hot/x.go", imports: ours("engine/cold")},
		{path: "engine/cold/table/x_test.go", imports: ours("engine/hot")},
		{path: "cmd/taeld/main.go", imports: []string{"github.com/dgraph-io/badger/v4"}},
		{path: "engine/query/x.go", imports: []string{"github.com/apache/arrow-go/v18/parquet/file"}},
		{path: "engine/cold/x.go", imports: []string{"github.com/aws/aws-sdk-go-v2/service/s3"}},
		{path: "tael.go", imports: []string{"testing"}},
	}
	for _, f := range broken {
		seen := false
		for _, a := range arrows {
			for _, to := range a.to {
				seen = seen || a.binds(f) && under(f.imports[0], to)
			}
		}
		if !seen {
			t.Errorf("no rule forbids that %s imports %s", f.path, f.imports[0])
		}
	}
}
