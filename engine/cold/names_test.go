package cold

import (
	"path"
	"testing"
)

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
