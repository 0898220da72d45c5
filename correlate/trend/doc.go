// Package trend says from counts and times whether trouble is getting worse: more frequent ([MoreFrequent]), slower to heal ([Increasing]), or
// so restless that its episodes are really one ([Penalty]). [BenjaminiHochberg] keeps a round of many tests from finding what is not there.
//
// The package is pure arithmetic: it knows no clock and nothing of incidents. A p-value is the chance of data at least as extreme if nothing
// had changed. All tests are one-sided: they look for worse only.
package trend
