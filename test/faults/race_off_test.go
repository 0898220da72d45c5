//go:build !race

package faults

// hugeWebhook is how many alerts case 20 has in one body.
const hugeWebhook = 100_000
