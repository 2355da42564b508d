//go:build disk

package disk

// minFree is the reserve of the store's disk.
const minFree = 16 << 20
