//go:build race

package faults

// hugeWebhook is how many alerts case 20 has in one body. With the race detector, the test itself would need a minute for 100,000;
// quell's binary is built without it all the same.
const hugeWebhook = 10_000
