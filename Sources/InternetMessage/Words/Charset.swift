import Glibc
import MailBytes

/// Text in the charsets of mail: RFC 2045 section 2.2, names as IANA registers them and as programs misspell them.
public enum Charset {
    /// Decodes text; octets that mean nothing become U+FFFD, as does every octet beyond ASCII in a charset that is not known.
    public static func decode(_ bytes: Span<UInt8>, named name: String) -> String {
        let name = name.lowercased()
        switch name {
        case "utf-8", "utf8": return bytes.text
        case "us-ascii", "ascii", "", "iso-8859-1", "latin1":
            // Unmarked and mismarked text is UTF-8 more often than by chance, and else what Windows wrote.
            return bytes.isValidUTF8 ? bytes.text : convert(bytes, "CP1252")
        default:
            guard let converter = converters[name] else { return asciiOnly(bytes) }
            return convert(bytes, converter)
        }
    }

    /// Whether text in the charset can be decoded.
    public static func isKnown(_ name: String) -> Bool {
        switch name.lowercased() {
        case "utf-8", "utf8", "us-ascii", "ascii", "", "iso-8859-1", "latin1": true
        default: converters[name.lowercased()] != nil
        }
    }

    /// What the C library calls them. A charset that is not here is not given to it: a converter is code that a stranger's
    /// message would choose.
    private static let converters: [String: String] = {
        var names: [String: String] = [
            "latin2": "ISO-8859-2", "latin9": "ISO-8859-15", "iso-8859-9": "CP1254", "iso-8859-11": "TIS-620",
            "tis-620": "TIS-620", "koi8-r": "KOI8-R", "koi8-u": "KOI8-U", "macintosh": "MACINTOSH",
            "ibm437": "IBM437", "ibm850": "IBM850", "ibm852": "IBM852", "ibm866": "IBM866", "cp866": "IBM866",
            "gb2312": "GBK", "gbk": "GBK", "gb18030": "GB18030", "x-gbk": "GBK", "hz-gb-2312": "GBK",
            "big5": "BIG5", "big5-hkscs": "BIG5-HKSCS", "euc-kr": "UHC", "ks_c_5601-1987": "UHC", "cp949": "UHC",
            "iso-2022-kr": "ISO-2022-KR", "shift_jis": "CP932", "sjis": "CP932", "cp932": "CP932",
            "windows-31j": "CP932", "euc-jp": "EUC-JP", "iso-2022-jp": "ISO-2022-JP-2",
            "iso-2022-jp-1": "ISO-2022-JP-2", "iso-2022-jp-2": "ISO-2022-JP-2", "utf-16": "UTF-16",
            "utf-16be": "UTF-16BE", "utf-16le": "UTF-16LE", "utf-32": "UTF-32", "utf-7": "UTF-7",
            "unicode-1-1-utf-7": "UTF-7",
        ]
        for number in [2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16] { names["iso-8859-\(number)"] = "ISO-8859-\(number)" }
        names["iso-8859-8-i"] = "ISO-8859-8"
        for number in 1250...1258 {
            names["windows-\(number)"] = "CP\(number)"
            names["cp\(number)"] = "CP\(number)"
        }
        return names
    }()

    private static func asciiOnly(_ bytes: Span<UInt8>) -> String {
        var scalars = String.UnicodeScalarView()
        for index in 0..<bytes.count {
            scalars.append(bytes[index] < 0x80 ? Unicode.Scalar(bytes[index]) : "\u{FFFD}")
        }
        return String(scalars)
    }

    private static func convert(_ bytes: Span<UInt8>, _ name: String) -> String {
        guard bytes.count > 0 else { return "" }
        let converter = unsafe iconv_open("UTF-8", name)
        guard unsafe converter != iconv_t(bitPattern: -1) else { return asciiOnly(bytes) }
        defer { unsafe _ = iconv_close(converter) }
        // One octet becomes three at most in UTF-8; what shifts of state write on top of it is made room for again.
        var output = [UInt8](repeating: 0, count: bytes.count * 3 + 16)
        var written = 0
        unsafe bytes.withUnsafeBufferPointer { input in
            // iconv's prototype takes what it only reads as mutable.
            var source = unsafe UnsafeMutablePointer<CChar>(
                mutating: UnsafeRawPointer(input.baseAddress)?.assumingMemoryBound(to: CChar.self)
            )
            var left = input.count
            while left > 0 {
                if output.count - written < left * 3 + 16 { output += [UInt8](repeating: 0, count: left * 3 + 64) }
                // Swift sees size_t as Int, and so its failure as -1.
                let failure = unsafe output.withUnsafeMutableBytes { room -> CInt? in
                    var target = unsafe room.baseAddress?.assumingMemoryBound(to: CChar.self).advanced(by: written)
                    var free = room.count - written
                    let done = unsafe iconv(converter, &source, &left, &target, &free)
                    let failure = done == -1 ? errno : nil
                    written = room.count - free
                    return failure
                }
                guard let failure, left > 0 else { break }
                output += [UInt8](repeating: 0, count: 64)
                if failure == E2BIG { continue }
                for byte in [0xEF, 0xBF, 0xBD] as [UInt8] {
                    output[written] = byte
                    written += 1
                }
                unsafe source = source?.advanced(by: 1)
                left -= 1
            }
        }
        return String(decoding: output[..<written], as: UTF8.self)
    }
}
