@main struct MartletCommand { static func main() {} }
