// Package trend says from counts and times whether trouble gets worse: more frequent ([MoreFrequent]), slower to heal ([Increasing]), or
// so restless that its episodes are one ([Penalty]). [BenjaminiHochberg] keeps a round of many tests from finding what is not there.
//
// The package is pure arithmetic: it knows no clock and nothing of incidents. A p-value is the chance of data at least as extreme if
// nothing had changed; all tests look in the direction of worse only.
package trend
