import Foundation

/// What can be fuzzed. Each target takes any bytes, and stops the process where something does not hold that always should.
enum FuzzTarget: String, CaseIterable {
    case smtpServer = "smtp-server"
    case smtpClient = "smtp-client"
    case content
    case header
    case message
    case address
    case records
    case spool
    case pop

    /// The one that `FUZZ_TARGET` names.
    static let chosen: FuzzTarget = {
        let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
        guard let target = FuzzTarget(rawValue: name) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            FileHandle.standardError.write(Data("FUZZ_TARGET names what is fuzzed: \(names)\n".utf8))
            exit(64)
        }
        return target
    }()

    func run(_ input: [UInt8]) {
        switch self {
        case .smtpServer: fuzzSMTPServer(input)
        case .smtpClient: fuzzSMTPClient(input)
        case .content: fuzzContent(input)
        case .header: fuzzHeader(input)
        case .message: fuzzMessage(input)
        case .address: fuzzAddress(input)
        case .records: fuzzRecords(input)
        case .spool: fuzzSpool(input)
        case .pop: fuzzPOP(input)
        }
    }
}

/// libFuzzer's entry.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

/// Something that always holds; where it does not, the process stops and libFuzzer keeps the input.
func holds(_ condition: @autoclosure () -> Bool, _ sentence: @autoclosure () -> String) {
    if !condition() {
        FileHandle.standardError.write(Data("does not hold: \(sentence())\n".utf8))
        abort()
    }
}
