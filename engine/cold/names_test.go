package cold

import (
	"path"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
)

// Every tenant that there can be has keys that the store takes: one that cannot be flushed would keep all others in the hot tier.
func TestEveryTenantHasKeys(t *testing.T) {
	table, _ := newTable(t)
	for i, tenant := range []string{".tmp-x", "...", ".a", "a.", "-", "_", "_.tmp-x", "data", "metadata"} {
		if err := tael.CheckTenant(tenant); err != nil {
			t.Fatal(err)
		}
		key := fileName(tenant, 20_000, noOwner, 3, 1, "0123abcd") + dataSuffix
		if err := objstore.CheckKey(key); err != nil {
			t.Error(err)
		}
		if again, err := reroot("s3://bucket/prefix/" + key); err != nil || again != key {
			t.Errorf("%s is read back as %s, %v", key, again, err)
		}
		mustFlush(t, table, nodeA, uint64(i+1), tenant, traceOf(1, 2, noon.Add(time.Duration(i)*time.Minute)))
		if n := len(readTrace(t, table, tenant, 1)); n != 2 {
			t.Errorf("tenant %s has %d spans", tenant, n)
		}
	}
}

// The README tells how to read the data files without those of position deletes, by their names.
func TestDataFilesHaveAPatternOfTheirOwn(t *testing.T) {
	const pattern = "*[0-9a-f].parquet"
	name := fileName("acme", 20_000, noOwner, 3, 1, "0123abcd")
	for key, want := range map[string]bool{name + dataSuffix: true, summedKey(name, []byte("positions"), deletesSuffix): false} {
		if got, err := path.Match(pattern, path.Base(key)); err != nil || got != want {
			t.Errorf("%s matches %s: %t, %v", key, pattern, got, err)
		}
	}
}
