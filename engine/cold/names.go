package cold

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/taeldb/tael"
)

// Every key of the table is made and read here. docs/formats/cold.md lists them.
//
//	tael/spans/metadata/v<N>.metadata.json                            the table at commit N
//	tael/spans/metadata/version-hint.text                             a recent N in decimal
//	tael/spans/metadata/<owner>-<commit>-m<n>-<sum>.avro              a manifest
//	tael/spans/metadata/<owner>-<commit>-s<try>-<sum>.avro            the manifest list of a snapshot
//	tael/spans/data/<tenant>/<day>/<owner>-<counter>-<n>-<random>.parquet                spans
//	tael/spans/data/<tenant>/<day>/<owner>-<counter>-<n>-<random>-<sum>.deletes.parquet  position deletes
//
// The sum is of the object's bytes: these formats have none, a flipped bit of a bound would hide rows, and the Parquet library
// that reads position deletes does not end on every damaged file. Data files have checksums inside.
//
// The owner is the uuid of the data directory whose taeld wrote the file, so that each cleans up its own leftovers only.
const (
	tableKey    = "tael/spans"
	metadataKey = tableKey + "/metadata/"
	dataKey     = tableKey + "/data/"
	hintKey     = metadataKey + "version-hint.text"

	versionPrefix = "v"
	versionSuffix = ".metadata.json"
	avroSuffix    = ".avro"
	dataSuffix    = ".parquet"
	deletesSuffix = ".deletes.parquet"
	dayLayout     = "2006-01-02"
)

// noOwner names the files of commits that no data directory asks for.
const noOwner = "00000000-0000-0000-0000-000000000000"

func versionKey(n int) string { return metadataKey + versionPrefix + strconv.Itoa(n) + versionSuffix }

// parseVersionKey reads N out of a metadata file's key.
func parseVersionKey(key string) (int, bool) {
	name, ok := strings.CutPrefix(key, metadataKey+versionPrefix)
	if !ok {
		return 0, false
	}
	name, ok = strings.CutSuffix(name, versionSuffix)
	n, err := strconv.Atoi(name)
	return n, ok && err == nil && n > 0
}

// manifestName and manifestListName are keys without sum and suffix, see summedKey.
func manifestName(owner, commit string, n int) string {
	return fmt.Sprintf("%s%s-%s-m%d", metadataKey, owner, commit, n)
}

func manifestListName(owner, commit string, try int) string {
	return fmt.Sprintf("%s%s-%s-s%d", metadataKey, owner, commit, try)
}

// summedKey completes a key with the sum of the object's bytes.
func summedKey(name string, data []byte, suffix string) string {
	return fmt.Sprintf("%s-%016x%s", name, xxh3.Hash(data), suffix)
}

// checkSum compares an object with the sum in its key. A key without one, of another writer, is not checked.
func checkSum(key string, data []byte) error {
	name, ok := strings.CutSuffix(path.Base(key), avroSuffix)
	if !ok {
		name, ok = strings.CutSuffix(path.Base(key), deletesSuffix)
	}
	at := strings.LastIndexByte(name, '-')
	if !ok || at < 0 || len(name)-at-1 != 16 {
		return nil
	}
	if sum, err := strconv.ParseUint(name[at+1:], 16, 64); err == nil && sum != xxh3.Hash(data) {
		return fmt.Errorf("%w: the bytes do not have the sum that the name says", tael.ErrDamaged)
	}
	return nil
}

// fileName is the key of a data file or a file of position deletes without what follows the random part. The folder of a tenant that begins with a dot has
// a line before it: such a folder is hidden from other readers, and some names of files are not for the store's users. A tenant is never read out of a key.
func fileName(tenant string, day int32, owner string, counter uint64, n int, random string) string {
	if strings.HasPrefix(tenant, ".") {
		tenant = "_" + tenant
	}
	return fmt.Sprintf("%s%s/%s/%s-%d-%d-%s", dataKey, tenant, dayName(day), owner, counter, n, random)
}

// owned tells whether the owner's taeld wrote the object.
func owned(key, owner string) bool { return strings.HasPrefix(path.Base(key), owner+"-") }

// days since 1970 of a time in nanoseconds.
func dayOf(unixNano uint64) int32 { return int32(unixNano / uint64(24*time.Hour)) }

func dayStart(day int32) time.Time { return time.Unix(int64(day)*24*60*60, 0).UTC() }

func dayName(day int32) string { return dayStart(day).Format(dayLayout) }

// reroot turns a stored path into a key of this store. Paths are stored as URLs for outside readers, and go stale when the folder or
// bucket moves; but where a file lies below its table is fixed: two names for metadata, four for data. So only those are looked at.
func reroot(stored string) (string, error) {
	parts := strings.Split(stored, "/")
	tail := func(n int) []string { return parts[max(0, len(parts)-n):] }
	if t := tail(4); len(t) == 4 && t[0] == "data" {
		return tableKey + "/" + strings.Join(t, "/"), nil
	}
	if t := tail(2); len(t) == 2 && t[0] == "metadata" {
		return tableKey + "/" + strings.Join(t, "/"), nil
	}
	return "", fmt.Errorf("path %.256q is not one of this table: want .../data/<tenant>/<day>/<file> or .../metadata/<file>", stored)
}

// path is the inverse of reroot: the path that outside readers can open.
func (t *Table) path(key string) string { return strings.TrimSuffix(t.opts.Location, "/") + "/" + key }
