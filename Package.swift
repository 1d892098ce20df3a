// swift-tools-version: 6.2
import PackageDescription

// One target a room; a room imports rooms of lower floors alone. `Scripts/check-floors` proves the order below.
// The house is described in Documentation/Architecture.md.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
]

/// A pure room: no channel, no file, no clock, and memory safety proved by the compiler.
let pureSettings: [SwiftSetting] = settings + [.strictMemorySafety()]

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioConcurrency: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")

/// `samples` is the folder of the tests that holds no code.
func pureRoom(_ name: String, _ dependencies: [Target.Dependency] = [], samples: [String] = []) -> [Target] {
    [
        .target(name: name, dependencies: dependencies, swiftSettings: pureSettings),
        .testTarget(
            name: name + "Tests",
            dependencies: [.target(name: name)] + dependencies,
            exclude: samples,
            swiftSettings: settings
        ),
    ]
}

func room(_ name: String, _ dependencies: [Target.Dependency] = [], tests: [Target.Dependency] = []) -> [Target] {
    [
        .target(name: name, dependencies: dependencies, swiftSettings: settings),
        .testTarget(
            name: name + "Tests",
            dependencies: [.target(name: name)] + dependencies + tests,
            swiftSettings: settings
        ),
    ]
}

let systemLibraries: [Target] = [
    .systemLibrary(name: "CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CLDAP", pkgConfig: "ldap", providers: [.apt(["libldap-dev"])]),
    .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
    // libunbound.pc asks for libevent, which is not used here: the module map links the library itself.
    .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"])]),
    .target(name: "CPlatform"),
]

let floor0: [Target] =
    pureRoom("MailBytes")
    + pureRoom("MailNames", ["MailBytes", "CIDN2"])
    + room("MailEvents", ["MailBytes", "MailNames"])

let floor1: [Target] =
    pureRoom("InternetMessage", ["MailBytes", "MailNames"], samples: ["Samples"])
    + pureRoom("SASL", ["MailBytes", "CArgon2", crypto, cryptoExtras])
    + pureRoom("SMTPProtocol", ["MailBytes", "MailNames", "SASL"], samples: ["Dialogues"])
    + pureRoom("POPProtocol", ["MailBytes", "MailNames", "SASL"])
    + pureRoom("TrackingProtocol", ["MailBytes"])

let floor2: [Target] =
    pureRoom("MailPolicy", ["MailBytes", "MailNames", "MailEvents", "SMTPProtocol"])
    + pureRoom("DeliveryScheduler", ["MailBytes", "MailNames", "MailEvents"])
    + pureRoom("MailingLists", ["MailBytes", "MailNames", "InternetMessage", "SMTPProtocol"])

let floor3: [Target] =
    room(
        "ChannelSupport",
        ["MailBytes", "MailNames", "SASL", nio, nioPosix, nioSSL, nioConcurrency, crypto],
        tests: [nioEmbedded, nioTLS]
    )
    + room("DNSClient", ["MailBytes", "MailNames", "CUnbound", "CPlatform"])
    + room("Spool", ["MailBytes", "MailNames", "MailEvents", "CXXHash", "CPlatform", nio], tests: [nioPosix])
    + room("SQLDatabase", ["MailBytes", grdb])
    + room(
        "Certificates",
        [
            "MailBytes", "MailNames", "ChannelSupport", nioSSL,
            .product(name: "X509", package: "swift-certificates"),
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "SwiftASN1", package: "swift-asn1"),
        ]
    )

let floor4: [Target] =
    room(
        "SMTPChannels",
        [
            "MailBytes", "MailNames", "MailEvents", "SASL", "SMTPProtocol", "ChannelSupport", nio, nioPosix, nioTLS,
            nioSSL,
        ],
        tests: [nioEmbedded]
    )
    + room(
        "POPChannels",
        [
            "MailBytes", "MailNames", "MailEvents", "SASL", "POPProtocol", "ChannelSupport", nio, nioPosix, nioTLS,
            nioSSL,
        ],
        tests: [nioEmbedded]
    )
    + room(
        "Directory",
        [
            "MailBytes", "MailNames", "SASL", "MailingLists", "SQLDatabase", "CLDAP", grdb, nioPosix, crypto,
            cryptoExtras,
        ]
    )
    + room(
        "MailStore",
        [
            "MailBytes", "MailNames", "InternetMessage", "SQLDatabase", grdb, nio, nioPosix,
            .product(name: "Crypto", package: "swift-crypto"),
        ]
    )
    + room(
        "Monitoring",
        [
            "MailBytes", "MailNames", "MailEvents", "TrackingProtocol", "SQLDatabase", grdb,
            .product(name: "Crypto", package: "swift-crypto"),
        ]
    )

let floor5: [Target] =
    room(
        "SMTPClient",
        [
            "MailBytes", "MailNames", "InternetMessage", "SASL", "SMTPProtocol", "SMTPChannels", nio, nioPosix, nioSSL,
        ],
        tests: ["Certificates"]
    )
    + room(
        "Admission",
        ["MailBytes", "MailNames", "MailEvents", "SMTPProtocol", "MailPolicy", "Directory", "SASL", nio],
        tests: [nioPosix]
    )
    + room(
        "Delivery",
        [
            "MailBytes", "MailNames", "MailEvents", "InternetMessage", "SMTPProtocol", "SASL", "DeliveryScheduler",
            "DNSClient", "Spool", "SMTPChannels", "ChannelSupport", "Directory", "MailStore", "MailingLists",
            "CPlatform", nio, nioPosix, nioSSL, logging, crypto,
        ]
    )

let floor6: [Target] =
    room(
        "Reception",
        [
            "MailBytes", "MailNames", "MailEvents", "InternetMessage", "SMTPProtocol", "SASL", "MailPolicy", "Spool",
            "SMTPChannels", "ChannelSupport", "Admission", "Directory", nio, nioPosix, nioSSL, logging,
        ],
        tests: ["Certificates"]
    )
    + room(
        "Access",
        [
            "MailBytes", "MailNames", "MailEvents", "InternetMessage", "POPProtocol", "TrackingProtocol", "SASL",
            "POPChannels", "ChannelSupport", "Directory", "MailStore", nio, nioPosix, nioTLS, nioSSL, logging,
        ],
        tests: [nioEmbedded]
    )

let roof: [Target] =
    room(
        "Configuration",
        [
            "MailBytes", "MailNames", "MailEvents", "SMTPProtocol", "MailPolicy", "DeliveryScheduler", "Spool",
            "Directory", "DNSClient", "SASL",
            "Delivery", "Reception", "Access", "Monitoring", .product(name: "TOMLKit", package: "TOMLKit"),
        ]
    )
    + room(
        "Martlet",
        [
            "Configuration", "Reception", "Access", "Delivery", "Admission", "Monitoring", "MailStore", "Directory",
            "Spool",
            "DNSClient", "Certificates", "ChannelSupport", "SMTPChannels", "POPChannels", "SQLDatabase",
            "DeliveryScheduler", "MailPolicy", "MailingLists", "MailEvents",
            "MailNames", "MailBytes", "SMTPProtocol", "POPProtocol", "TrackingProtocol", "SASL", "InternetMessage",
            "CPlatform", logging,
            nio, nioPosix, nioSSL,
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ]
    )
    + [
        .executableTarget(
            name: "MartletCommand",
            dependencies: [
                "Martlet", "Configuration", "MailBytes", "MailNames", "SMTPProtocol", "DeliveryScheduler", "Delivery",
                "SASL", "CPlatform", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        )
    ]

/// Rooms played together on a disk, a network and a clock that do not exist.
let simulation: [Target] = [
    .testTarget(
        name: "SimulationTests",
        dependencies: [
            "MailBytes", "MailNames", "MailEvents", "SMTPProtocol", "DeliveryScheduler", "Spool", nio,
        ],
        swiftSettings: settings
    )
]

/// The fuzz targets, which need the fuzzer's runtime: there only when asked for. See Fuzzing/run.
let fuzzing: [Target] =
    Context.environment["MARTLET_FUZZING"] == nil
    ? []
    : [
        .executableTarget(
            name: "martlet-fuzz",
            dependencies: [
                "MailBytes", "MailNames", "MailEvents", "InternetMessage", "SASL", "SMTPProtocol", "POPProtocol",
                "Spool",
            ],
            path: "Fuzzing/Targets",
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library", "-sanitize=fuzzer"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]
        )
    ]

let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet", targets: ["MartletCommand"]),
        .library(name: "InternetMessage", targets: ["InternetMessage"]),
        .library(name: "SMTPProtocol", targets: ["SMTPProtocol"]),
        .library(
            name: "SMTPClient",
            targets: ["SMTPClient", "SMTPProtocol", "InternetMessage", "MailNames", "MailBytes"]
        ),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: systemLibraries + floor0 + floor1 + floor2 + floor3 + floor4 + floor5 + floor6 + roof + simulation
        + fuzzing,
    cxxLanguageStandard: .cxx17
)
