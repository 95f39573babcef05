// The counters that nstat and /proc/net/snmp show (net/ipv4/proc.c). A counter
// is an index into Net.Mib; its name is what nstat prints.

package core

// Counters, named Mib and nstat's name.
const (
	MibIpInReceives = iota
	MibIpInHdrErrors
	MibIpInAddrErrors
	MibIpForwDatagrams
	MibIpInUnknownProtos
	MibIpInDiscards
	MibIpInDelivers
	MibIpOutRequests
	MibIpOutDiscards
	MibIpOutNoRoutes
	MibIpReasmTimeout
	MibIpReasmReqds
	MibIpReasmOKs
	MibIpReasmFails
	MibIpFragOKs
	MibIpFragFails
	MibIpFragCreates
	MibTcpRtoAlgorithm
	MibTcpRtoMin
	MibTcpRtoMax
	MibTcpMaxConn
	MibTcpActiveOpens
	MibTcpPassiveOpens
	MibTcpAttemptFails
	MibTcpEstabResets
	MibTcpCurrEstab
	MibTcpInSegs
	MibTcpOutSegs
	MibTcpRetransSegs
	MibTcpInErrs
	MibTcpOutRsts
	MibTcpInCsumErrors
	MibUdpInDatagrams
	MibUdpNoPorts
	MibUdpInErrors
	MibUdpOutDatagrams
	MibUdpRcvbufErrors
	MibUdpSndbufErrors
	MibUdpInCsumErrors
	MibUdpIgnoredMulti
	MibIpExtInNoRoutes
	MibIpExtInTruncatedPkts
	MibIpExtInMcastPkts
	MibIpExtOutMcastPkts
	MibIpExtInBcastPkts
	MibIpExtOutBcastPkts
	MibIpExtInOctets
	MibIpExtOutOctets
	MibIpExtInMcastOctets
	MibIpExtOutMcastOctets
	MibIpExtInBcastOctets
	MibIpExtOutBcastOctets
	MibIpExtInCsumErrors
	MibIpExtInNoECTPkts
	MibIpExtInECT1Pkts
	MibIpExtInECT0Pkts
	MibIpExtInCEPkts
	MibIpExtReasmOverlaps
	MibTcpExtSyncookiesSent
	MibTcpExtSyncookiesRecv
	MibTcpExtSyncookiesFailed
	MibTcpExtEmbryonicRsts
	MibTcpExtPruneCalled
	MibTcpExtRcvPruned
	MibTcpExtOfoPruned
	MibTcpExtOutOfWindowIcmps
	MibTcpExtLockDroppedIcmps
	MibTcpExtArpFilter
	MibTcpExtTW
	MibTcpExtTWRecycled
	MibTcpExtTWKilled
	MibTcpExtPAWSActive
	MibTcpExtPAWSEstab
	MibTcpExtDelayedACKs
	MibTcpExtDelayedACKLocked
	MibTcpExtDelayedACKLost
	MibTcpExtListenOverflows
	MibTcpExtListenDrops
	MibTcpExtTCPHPHits
	MibTcpExtTCPPureAcks
	MibTcpExtTCPHPAcks
	MibTcpExtTCPRenoRecovery
	MibTcpExtTCPSackRecovery
	MibTcpExtTCPSACKReneging
	MibTcpExtTCPSACKReorder
	MibTcpExtTCPRenoReorder
	MibTcpExtTCPTSReorder
	MibTcpExtTCPFullUndo
	MibTcpExtTCPPartialUndo
	MibTcpExtTCPDSACKUndo
	MibTcpExtTCPLossUndo
	MibTcpExtTCPLostRetransmit
	MibTcpExtTCPRenoFailures
	MibTcpExtTCPSackFailures
	MibTcpExtTCPLossFailures
	MibTcpExtTCPFastRetrans
	MibTcpExtTCPSlowStartRetrans
	MibTcpExtTCPTimeouts
	MibTcpExtTCPLossProbes
	MibTcpExtTCPLossProbeRecovery
	MibTcpExtTCPRenoRecoveryFail
	MibTcpExtTCPSackRecoveryFail
	MibTcpExtTCPRcvCollapsed
	MibTcpExtTCPBacklogCoalesce
	MibTcpExtTCPDSACKOldSent
	MibTcpExtTCPDSACKOfoSent
	MibTcpExtTCPDSACKRecv
	MibTcpExtTCPDSACKOfoRecv
	MibTcpExtTCPAbortOnData
	MibTcpExtTCPAbortOnClose
	MibTcpExtTCPAbortOnMemory
	MibTcpExtTCPAbortOnTimeout
	MibTcpExtTCPAbortOnLinger
	MibTcpExtTCPAbortFailed
	MibTcpExtTCPMemoryPressures
	MibTcpExtTCPMemoryPressuresChrono
	MibTcpExtTCPSACKDiscard
	MibTcpExtTCPDSACKIgnoredOld
	MibTcpExtTCPDSACKIgnoredNoUndo
	MibTcpExtTCPSpuriousRTOs
	MibTcpExtTCPMD5NotFound
	MibTcpExtTCPMD5Unexpected
	MibTcpExtTCPMD5Failure
	MibTcpExtTCPSackShifted
	MibTcpExtTCPSackMerged
	MibTcpExtTCPSackShiftFallback
	MibTcpExtTCPBacklogDrop
	MibTcpExtPFMemallocDrop
	MibTcpExtTCPMinTTLDrop
	MibTcpExtTCPDeferAcceptDrop
	MibTcpExtIPReversePathFilter
	MibTcpExtTCPTimeWaitOverflow
	MibTcpExtTCPReqQFullDoCookies
	MibTcpExtTCPReqQFullDrop
	MibTcpExtTCPRetransFail
	MibTcpExtTCPRcvCoalesce
	MibTcpExtTCPOFOQueue
	MibTcpExtTCPOFODrop
	MibTcpExtTCPOFOMerge
	MibTcpExtTCPChallengeACK
	MibTcpExtTCPSYNChallenge
	MibTcpExtTCPFastOpenActive
	MibTcpExtTCPFastOpenActiveFail
	MibTcpExtTCPFastOpenPassive
	MibTcpExtTCPFastOpenPassiveFail
	MibTcpExtTCPFastOpenListenOverflow
	MibTcpExtTCPFastOpenCookieReqd
	MibTcpExtTCPFastOpenBlackhole
	MibTcpExtTCPSpuriousRtxHostQueues
	MibTcpExtBusyPollRxPackets
	MibTcpExtTCPAutoCorking
	MibTcpExtTCPFromZeroWindowAdv
	MibTcpExtTCPToZeroWindowAdv
	MibTcpExtTCPWantZeroWindowAdv
	MibTcpExtTCPSynRetrans
	MibTcpExtTCPOrigDataSent
	MibTcpExtTCPHystartTrainDetect
	MibTcpExtTCPHystartTrainCwnd
	MibTcpExtTCPHystartDelayDetect
	MibTcpExtTCPHystartDelayCwnd
	MibTcpExtTCPACKSkippedSynRecv
	MibTcpExtTCPACKSkippedPAWS
	MibTcpExtTCPACKSkippedSeq
	MibTcpExtTCPACKSkippedFinWait2
	MibTcpExtTCPACKSkippedTimeWait
	MibTcpExtTCPACKSkippedChallenge
	MibTcpExtTCPWinProbe
	MibTcpExtTCPKeepAlive
	MibTcpExtTCPMTUPFail
	MibTcpExtTCPMTUPSuccess
	MibTcpExtTCPDelivered
	MibTcpExtTCPDeliveredCE
	MibTcpExtTCPAckCompressed
	MibTcpExtTCPZeroWindowDrop
	MibTcpExtTCPRcvQDrop
	MibIcmpInMsgs
	MibIcmpInErrors
	MibIcmpInCsumErrors
	MibIcmpOutMsgs
	MibIcmpOutErrors
	MibIcmpInDestUnreachs
	MibIcmpInTimeExcds
	MibIcmpInParmProbs
	MibIcmpInSrcQuenchs
	MibIcmpInRedirects
	MibIcmpInEchos
	MibIcmpInEchoReps
	MibIcmpInTimestamps
	MibIcmpInTimestampReps
	MibIcmpInAddrMasks
	MibIcmpInAddrMaskReps
	MibIcmpOutDestUnreachs
	MibIcmpOutTimeExcds
	MibIcmpOutParmProbs
	MibIcmpOutSrcQuenchs
	MibIcmpOutRedirects
	MibIcmpOutEchos
	MibIcmpOutEchoReps
	MibIcmpOutTimestamps
	MibIcmpOutTimestampReps
	MibIcmpOutAddrMasks
	MibIcmpOutAddrMaskReps
	MibMax
)

// MibNames are the names of the counters, in the order of the constants.
var MibNames = [MibMax]string{
	MibIpInReceives:                    "IpInReceives",
	MibIpInHdrErrors:                   "IpInHdrErrors",
	MibIpInAddrErrors:                  "IpInAddrErrors",
	MibIpForwDatagrams:                 "IpForwDatagrams",
	MibIpInUnknownProtos:               "IpInUnknownProtos",
	MibIpInDiscards:                    "IpInDiscards",
	MibIpInDelivers:                    "IpInDelivers",
	MibIpOutRequests:                   "IpOutRequests",
	MibIpOutDiscards:                   "IpOutDiscards",
	MibIpOutNoRoutes:                   "IpOutNoRoutes",
	MibIpReasmTimeout:                  "IpReasmTimeout",
	MibIpReasmReqds:                    "IpReasmReqds",
	MibIpReasmOKs:                      "IpReasmOKs",
	MibIpReasmFails:                    "IpReasmFails",
	MibIpFragOKs:                       "IpFragOKs",
	MibIpFragFails:                     "IpFragFails",
	MibIpFragCreates:                   "IpFragCreates",
	MibTcpRtoAlgorithm:                 "TcpRtoAlgorithm",
	MibTcpRtoMin:                       "TcpRtoMin",
	MibTcpRtoMax:                       "TcpRtoMax",
	MibTcpMaxConn:                      "TcpMaxConn",
	MibTcpActiveOpens:                  "TcpActiveOpens",
	MibTcpPassiveOpens:                 "TcpPassiveOpens",
	MibTcpAttemptFails:                 "TcpAttemptFails",
	MibTcpEstabResets:                  "TcpEstabResets",
	MibTcpCurrEstab:                    "TcpCurrEstab",
	MibTcpInSegs:                       "TcpInSegs",
	MibTcpOutSegs:                      "TcpOutSegs",
	MibTcpRetransSegs:                  "TcpRetransSegs",
	MibTcpInErrs:                       "TcpInErrs",
	MibTcpOutRsts:                      "TcpOutRsts",
	MibTcpInCsumErrors:                 "TcpInCsumErrors",
	MibUdpInDatagrams:                  "UdpInDatagrams",
	MibUdpNoPorts:                      "UdpNoPorts",
	MibUdpInErrors:                     "UdpInErrors",
	MibUdpOutDatagrams:                 "UdpOutDatagrams",
	MibUdpRcvbufErrors:                 "UdpRcvbufErrors",
	MibUdpSndbufErrors:                 "UdpSndbufErrors",
	MibUdpInCsumErrors:                 "UdpInCsumErrors",
	MibUdpIgnoredMulti:                 "UdpIgnoredMulti",
	MibIpExtInNoRoutes:                 "IpExtInNoRoutes",
	MibIpExtInTruncatedPkts:            "IpExtInTruncatedPkts",
	MibIpExtInMcastPkts:                "IpExtInMcastPkts",
	MibIpExtOutMcastPkts:               "IpExtOutMcastPkts",
	MibIpExtInBcastPkts:                "IpExtInBcastPkts",
	MibIpExtOutBcastPkts:               "IpExtOutBcastPkts",
	MibIpExtInOctets:                   "IpExtInOctets",
	MibIpExtOutOctets:                  "IpExtOutOctets",
	MibIpExtInMcastOctets:              "IpExtInMcastOctets",
	MibIpExtOutMcastOctets:             "IpExtOutMcastOctets",
	MibIpExtInBcastOctets:              "IpExtInBcastOctets",
	MibIpExtOutBcastOctets:             "IpExtOutBcastOctets",
	MibIpExtInCsumErrors:               "IpExtInCsumErrors",
	MibIpExtInNoECTPkts:                "IpExtInNoECTPkts",
	MibIpExtInECT1Pkts:                 "IpExtInECT1Pkts",
	MibIpExtInECT0Pkts:                 "IpExtInECT0Pkts",
	MibIpExtInCEPkts:                   "IpExtInCEPkts",
	MibIpExtReasmOverlaps:              "IpExtReasmOverlaps",
	MibTcpExtSyncookiesSent:            "TcpExtSyncookiesSent",
	MibTcpExtSyncookiesRecv:            "TcpExtSyncookiesRecv",
	MibTcpExtSyncookiesFailed:          "TcpExtSyncookiesFailed",
	MibTcpExtEmbryonicRsts:             "TcpExtEmbryonicRsts",
	MibTcpExtPruneCalled:               "TcpExtPruneCalled",
	MibTcpExtRcvPruned:                 "TcpExtRcvPruned",
	MibTcpExtOfoPruned:                 "TcpExtOfoPruned",
	MibTcpExtOutOfWindowIcmps:          "TcpExtOutOfWindowIcmps",
	MibTcpExtLockDroppedIcmps:          "TcpExtLockDroppedIcmps",
	MibTcpExtArpFilter:                 "TcpExtArpFilter",
	MibTcpExtTW:                        "TcpExtTW",
	MibTcpExtTWRecycled:                "TcpExtTWRecycled",
	MibTcpExtTWKilled:                  "TcpExtTWKilled",
	MibTcpExtPAWSActive:                "TcpExtPAWSActive",
	MibTcpExtPAWSEstab:                 "TcpExtPAWSEstab",
	MibTcpExtDelayedACKs:               "TcpExtDelayedACKs",
	MibTcpExtDelayedACKLocked:          "TcpExtDelayedACKLocked",
	MibTcpExtDelayedACKLost:            "TcpExtDelayedACKLost",
	MibTcpExtListenOverflows:           "TcpExtListenOverflows",
	MibTcpExtListenDrops:               "TcpExtListenDrops",
	MibTcpExtTCPHPHits:                 "TcpExtTCPHPHits",
	MibTcpExtTCPPureAcks:               "TcpExtTCPPureAcks",
	MibTcpExtTCPHPAcks:                 "TcpExtTCPHPAcks",
	MibTcpExtTCPRenoRecovery:           "TcpExtTCPRenoRecovery",
	MibTcpExtTCPSackRecovery:           "TcpExtTCPSackRecovery",
	MibTcpExtTCPSACKReneging:           "TcpExtTCPSACKReneging",
	MibTcpExtTCPSACKReorder:            "TcpExtTCPSACKReorder",
	MibTcpExtTCPRenoReorder:            "TcpExtTCPRenoReorder",
	MibTcpExtTCPTSReorder:              "TcpExtTCPTSReorder",
	MibTcpExtTCPFullUndo:               "TcpExtTCPFullUndo",
	MibTcpExtTCPPartialUndo:            "TcpExtTCPPartialUndo",
	MibTcpExtTCPDSACKUndo:              "TcpExtTCPDSACKUndo",
	MibTcpExtTCPLossUndo:               "TcpExtTCPLossUndo",
	MibTcpExtTCPLostRetransmit:         "TcpExtTCPLostRetransmit",
	MibTcpExtTCPRenoFailures:           "TcpExtTCPRenoFailures",
	MibTcpExtTCPSackFailures:           "TcpExtTCPSackFailures",
	MibTcpExtTCPLossFailures:           "TcpExtTCPLossFailures",
	MibTcpExtTCPFastRetrans:            "TcpExtTCPFastRetrans",
	MibTcpExtTCPSlowStartRetrans:       "TcpExtTCPSlowStartRetrans",
	MibTcpExtTCPTimeouts:               "TcpExtTCPTimeouts",
	MibTcpExtTCPLossProbes:             "TcpExtTCPLossProbes",
	MibTcpExtTCPLossProbeRecovery:      "TcpExtTCPLossProbeRecovery",
	MibTcpExtTCPRenoRecoveryFail:       "TcpExtTCPRenoRecoveryFail",
	MibTcpExtTCPSackRecoveryFail:       "TcpExtTCPSackRecoveryFail",
	MibTcpExtTCPRcvCollapsed:           "TcpExtTCPRcvCollapsed",
	MibTcpExtTCPBacklogCoalesce:        "TcpExtTCPBacklogCoalesce",
	MibTcpExtTCPDSACKOldSent:           "TcpExtTCPDSACKOldSent",
	MibTcpExtTCPDSACKOfoSent:           "TcpExtTCPDSACKOfoSent",
	MibTcpExtTCPDSACKRecv:              "TcpExtTCPDSACKRecv",
	MibTcpExtTCPDSACKOfoRecv:           "TcpExtTCPDSACKOfoRecv",
	MibTcpExtTCPAbortOnData:            "TcpExtTCPAbortOnData",
	MibTcpExtTCPAbortOnClose:           "TcpExtTCPAbortOnClose",
	MibTcpExtTCPAbortOnMemory:          "TcpExtTCPAbortOnMemory",
	MibTcpExtTCPAbortOnTimeout:         "TcpExtTCPAbortOnTimeout",
	MibTcpExtTCPAbortOnLinger:          "TcpExtTCPAbortOnLinger",
	MibTcpExtTCPAbortFailed:            "TcpExtTCPAbortFailed",
	MibTcpExtTCPMemoryPressures:        "TcpExtTCPMemoryPressures",
	MibTcpExtTCPMemoryPressuresChrono:  "TcpExtTCPMemoryPressuresChrono",
	MibTcpExtTCPSACKDiscard:            "TcpExtTCPSACKDiscard",
	MibTcpExtTCPDSACKIgnoredOld:        "TcpExtTCPDSACKIgnoredOld",
	MibTcpExtTCPDSACKIgnoredNoUndo:     "TcpExtTCPDSACKIgnoredNoUndo",
	MibTcpExtTCPSpuriousRTOs:           "TcpExtTCPSpuriousRTOs",
	MibTcpExtTCPMD5NotFound:            "TcpExtTCPMD5NotFound",
	MibTcpExtTCPMD5Unexpected:          "TcpExtTCPMD5Unexpected",
	MibTcpExtTCPMD5Failure:             "TcpExtTCPMD5Failure",
	MibTcpExtTCPSackShifted:            "TcpExtTCPSackShifted",
	MibTcpExtTCPSackMerged:             "TcpExtTCPSackMerged",
	MibTcpExtTCPSackShiftFallback:      "TcpExtTCPSackShiftFallback",
	MibTcpExtTCPBacklogDrop:            "TcpExtTCPBacklogDrop",
	MibTcpExtPFMemallocDrop:            "TcpExtPFMemallocDrop",
	MibTcpExtTCPMinTTLDrop:             "TcpExtTCPMinTTLDrop",
	MibTcpExtTCPDeferAcceptDrop:        "TcpExtTCPDeferAcceptDrop",
	MibTcpExtIPReversePathFilter:       "TcpExtIPReversePathFilter",
	MibTcpExtTCPTimeWaitOverflow:       "TcpExtTCPTimeWaitOverflow",
	MibTcpExtTCPReqQFullDoCookies:      "TcpExtTCPReqQFullDoCookies",
	MibTcpExtTCPReqQFullDrop:           "TcpExtTCPReqQFullDrop",
	MibTcpExtTCPRetransFail:            "TcpExtTCPRetransFail",
	MibTcpExtTCPRcvCoalesce:            "TcpExtTCPRcvCoalesce",
	MibTcpExtTCPOFOQueue:               "TcpExtTCPOFOQueue",
	MibTcpExtTCPOFODrop:                "TcpExtTCPOFODrop",
	MibTcpExtTCPOFOMerge:               "TcpExtTCPOFOMerge",
	MibTcpExtTCPChallengeACK:           "TcpExtTCPChallengeACK",
	MibTcpExtTCPSYNChallenge:           "TcpExtTCPSYNChallenge",
	MibTcpExtTCPFastOpenActive:         "TcpExtTCPFastOpenActive",
	MibTcpExtTCPFastOpenActiveFail:     "TcpExtTCPFastOpenActiveFail",
	MibTcpExtTCPFastOpenPassive:        "TcpExtTCPFastOpenPassive",
	MibTcpExtTCPFastOpenPassiveFail:    "TcpExtTCPFastOpenPassiveFail",
	MibTcpExtTCPFastOpenListenOverflow: "TcpExtTCPFastOpenListenOverflow",
	MibTcpExtTCPFastOpenCookieReqd:     "TcpExtTCPFastOpenCookieReqd",
	MibTcpExtTCPFastOpenBlackhole:      "TcpExtTCPFastOpenBlackhole",
	MibTcpExtTCPSpuriousRtxHostQueues:  "TcpExtTCPSpuriousRtxHostQueues",
	MibTcpExtBusyPollRxPackets:         "TcpExtBusyPollRxPackets",
	MibTcpExtTCPAutoCorking:            "TcpExtTCPAutoCorking",
	MibTcpExtTCPFromZeroWindowAdv:      "TcpExtTCPFromZeroWindowAdv",
	MibTcpExtTCPToZeroWindowAdv:        "TcpExtTCPToZeroWindowAdv",
	MibTcpExtTCPWantZeroWindowAdv:      "TcpExtTCPWantZeroWindowAdv",
	MibTcpExtTCPSynRetrans:             "TcpExtTCPSynRetrans",
	MibTcpExtTCPOrigDataSent:           "TcpExtTCPOrigDataSent",
	MibTcpExtTCPHystartTrainDetect:     "TcpExtTCPHystartTrainDetect",
	MibTcpExtTCPHystartTrainCwnd:       "TcpExtTCPHystartTrainCwnd",
	MibTcpExtTCPHystartDelayDetect:     "TcpExtTCPHystartDelayDetect",
	MibTcpExtTCPHystartDelayCwnd:       "TcpExtTCPHystartDelayCwnd",
	MibTcpExtTCPACKSkippedSynRecv:      "TcpExtTCPACKSkippedSynRecv",
	MibTcpExtTCPACKSkippedPAWS:         "TcpExtTCPACKSkippedPAWS",
	MibTcpExtTCPACKSkippedSeq:          "TcpExtTCPACKSkippedSeq",
	MibTcpExtTCPACKSkippedFinWait2:     "TcpExtTCPACKSkippedFinWait2",
	MibTcpExtTCPACKSkippedTimeWait:     "TcpExtTCPACKSkippedTimeWait",
	MibTcpExtTCPACKSkippedChallenge:    "TcpExtTCPACKSkippedChallenge",
	MibTcpExtTCPWinProbe:               "TcpExtTCPWinProbe",
	MibTcpExtTCPKeepAlive:              "TcpExtTCPKeepAlive",
	MibTcpExtTCPMTUPFail:               "TcpExtTCPMTUPFail",
	MibTcpExtTCPMTUPSuccess:            "TcpExtTCPMTUPSuccess",
	MibTcpExtTCPDelivered:              "TcpExtTCPDelivered",
	MibTcpExtTCPDeliveredCE:            "TcpExtTCPDeliveredCE",
	MibTcpExtTCPAckCompressed:          "TcpExtTCPAckCompressed",
	MibTcpExtTCPZeroWindowDrop:         "TcpExtTCPZeroWindowDrop",
	MibTcpExtTCPRcvQDrop:               "TcpExtTCPRcvQDrop",
	MibIcmpInMsgs:                      "IcmpInMsgs",
	MibIcmpInErrors:                    "IcmpInErrors",
	MibIcmpInCsumErrors:                "IcmpInCsumErrors",
	MibIcmpOutMsgs:                     "IcmpOutMsgs",
	MibIcmpOutErrors:                   "IcmpOutErrors",
	MibIcmpInDestUnreachs:              "IcmpInDestUnreachs",
	MibIcmpInTimeExcds:                 "IcmpInTimeExcds",
	MibIcmpInParmProbs:                 "IcmpInParmProbs",
	MibIcmpInSrcQuenchs:                "IcmpInSrcQuenchs",
	MibIcmpInRedirects:                 "IcmpInRedirects",
	MibIcmpInEchos:                     "IcmpInEchos",
	MibIcmpInEchoReps:                  "IcmpInEchoReps",
	MibIcmpInTimestamps:                "IcmpInTimestamps",
	MibIcmpInTimestampReps:             "IcmpInTimestampReps",
	MibIcmpInAddrMasks:                 "IcmpInAddrMasks",
	MibIcmpInAddrMaskReps:              "IcmpInAddrMaskReps",
	MibIcmpOutDestUnreachs:             "IcmpOutDestUnreachs",
	MibIcmpOutTimeExcds:                "IcmpOutTimeExcds",
	MibIcmpOutParmProbs:                "IcmpOutParmProbs",
	MibIcmpOutSrcQuenchs:               "IcmpOutSrcQuenchs",
	MibIcmpOutRedirects:                "IcmpOutRedirects",
	MibIcmpOutEchos:                    "IcmpOutEchos",
	MibIcmpOutEchoReps:                 "IcmpOutEchoReps",
	MibIcmpOutTimestamps:               "IcmpOutTimestamps",
	MibIcmpOutTimestampReps:            "IcmpOutTimestampReps",
	MibIcmpOutAddrMasks:                "IcmpOutAddrMasks",
	MibIcmpOutAddrMaskReps:             "IcmpOutAddrMaskReps",
}
